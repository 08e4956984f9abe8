/** A clock that goes on ticking while the page draws, waits or is not seen: pages' own timers are slowed down then. */

let timer = 0;

self.onmessage = (message: MessageEvent<number>) => {
  clearInterval(timer);
  if (message.data > 0) timer = setInterval(() => self.postMessage(0), message.data) as unknown as number;
};
