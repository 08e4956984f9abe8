import type { ComponentChildren } from "preact";

export interface Column<Row> {
  readonly key: string;
  readonly head: ComponentChildren;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  /** Sentences need room: the column is not squeezed to a word a line. */
  readonly wide?: boolean;
}

interface Props<Row> {
  /** What the table holds; read out before it, unseen unless `captionShown`. */
  caption: string;
  captionShown?: boolean;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}

/** A table whose first column names its rows; it scrolls sideways where it does not fit. */
export function Table<Row>({ caption, captionShown = false, columns, rows, keyOf }: Props<Row>) {
  return (
    // A region that scrolls can be reached and scrolled by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="scroll" tabIndex={0} aria-label={caption}>
      <table class="table">
        <caption class={captionShown ? "" : "unseen"}>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" class={column.right ? "right" : undefined}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, place) =>
                place === 0 ? (
                  <th key={column.key} scope="row">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td
                    key={column.key}
                    class={column.right ? "right number" : column.wide ? "wide" : undefined}
                  >
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
