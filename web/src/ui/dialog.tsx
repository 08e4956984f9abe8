import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface Props {
  title: ComponentChildren;
  children: ComponentChildren;
  /** Buttons, the safe one first: it gets the focus unless something inside has `autofocus`. */
  actions: ComponentChildren;
  /** Called when the reader closes it, also by Escape. */
  onClose: () => void;
}

/** A question in front of the page. Render it to open it; the browser keeps the focus inside. */
export function Dialog({ title, children, actions, onClose }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    if (!dialog || dialog.open) return;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      // A dialog that is taken off the page does not give the focus back by itself.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="stack">
        <h2 id={id}>{title}</h2>
        {children}
        <div class="actions">{actions}</div>
      </div>
    </dialog>
  );
}
