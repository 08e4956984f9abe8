/** Calls something every some milliseconds, also in tabs that nobody sees. */
export class Ticker {
  private worker: Worker | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;

  constructor(private readonly action: () => void) {}

  start(milliseconds: number): void {
    this.stop();
    try {
      this.worker = new Worker(new URL("./ticker.worker.ts", import.meta.url), { type: "module" });
      this.worker.onmessage = this.action;
      this.worker.onerror = () => this.startInPage(milliseconds);
      this.worker.postMessage(milliseconds);
    } catch {
      this.startInPage(milliseconds);
    }
  }

  stop(): void {
    this.worker?.terminate();
    this.worker = null;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** Where workers are not to be had: less even, and slow while hidden, which is told and breaks a take off anyway. */
  private startInPage(milliseconds: number): void {
    this.stop();
    this.timer = setInterval(this.action, milliseconds);
  }
}
