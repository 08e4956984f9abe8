/** What this browser keeps until the server has it: trials and their batches, in IndexedDB. */

import type { Sample } from "./sampler";

/** Something that happened to the player during a trial; kinds as the server knows them. */
export interface TrialEvent {
  readonly kind:
    | "play"
    | "pause"
    | "ended"
    | "stall"
    | "seek_attempt"
    | "visibility"
    | "focus"
    | "device"
    | "latency"
    | "error";
  readonly position_ms: number;
  readonly client_ms: number;
  readonly detail: string;
}

/** One numbered batch. `sealed`: it will not grow any more and may be sent. `refused`: why the server will never take it. */
export interface StoredBatch {
  readonly trial: string;
  readonly number: number;
  readonly owner: string;
  readonly sealed: boolean;
  readonly samples: readonly Sample[];
  readonly events: readonly TrialEvent[];
  readonly refused?: string;
}

/** One trial that the server has not been told the end of. `batches`: how many there are, once it was heard to its end. */
export interface StoredTrial {
  readonly trial: string;
  readonly owner: string;
  readonly order: number;
  readonly ending: "none" | "finish" | "interrupt";
  readonly batches: number;
  readonly reason: string;
}

/** A place to keep trials and batches. */
export interface Store {
  trials(owner: string): Promise<StoredTrial[]>;
  batches(owner: string): Promise<StoredBatch[]>;
  putTrial(trial: StoredTrial): Promise<void>;
  putBatch(batch: StoredBatch): Promise<void>;
  dropTrial(trial: string): Promise<void>;
  dropBatch(trial: string, number: number): Promise<void>;
}

/** Keeps them in the memory of the page: where a browser has no IndexedDB. A reload loses what was not sent. */
export class MemoryStore implements Store {
  private readonly keptTrials = new Map<string, StoredTrial>();
  private readonly keptBatches = new Map<string, StoredBatch>();

  async trials(owner: string): Promise<StoredTrial[]> {
    return [...this.keptTrials.values()].filter((trial) => trial.owner === owner);
  }

  async batches(owner: string): Promise<StoredBatch[]> {
    return [...this.keptBatches.values()].filter((batch) => batch.owner === owner);
  }

  async putTrial(trial: StoredTrial): Promise<void> {
    this.keptTrials.set(trial.trial, trial);
  }

  async putBatch(batch: StoredBatch): Promise<void> {
    this.keptBatches.set(`${batch.trial} ${batch.number}`, batch);
  }

  async dropTrial(trial: string): Promise<void> {
    this.keptTrials.delete(trial);
  }

  async dropBatch(trial: string, number: number): Promise<void> {
    this.keptBatches.delete(`${trial} ${number}`);
  }
}

const TRIALS = "trials";
const BATCHES = "batches";

/** Keeps them in IndexedDB: they outlive the page, the browser and a crash. */
export class BrowserStore implements Store {
  private constructor(private readonly database: IDBDatabase) {}

  /** Opens the database of this address. @throws DOMException where the browser keeps nothing. */
  static async open(name = "damer-annotate"): Promise<BrowserStore> {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(TRIALS, { keyPath: "trial" });
      request.result.createObjectStore(BATCHES, { keyPath: ["trial", "number"] });
    };
    const database = await answered(request);
    database.onversionchange = () => database.close(); // a newer page in another tab wants to change its shape
    return new BrowserStore(database);
  }

  /** Lets go of the database. */
  close(): void {
    this.database.close();
  }

  async trials(owner: string): Promise<StoredTrial[]> {
    const all: StoredTrial[] = await answered(this.reading(TRIALS).getAll());
    return all.filter((trial) => trial.owner === owner);
  }

  async batches(owner: string): Promise<StoredBatch[]> {
    const all: StoredBatch[] = await answered(this.reading(BATCHES).getAll());
    return all.filter((batch) => batch.owner === owner);
  }

  async putTrial(trial: StoredTrial): Promise<void> {
    await this.writing(TRIALS, true, (trials) => trials.put(trial));
  }

  async putBatch(batch: StoredBatch): Promise<void> {
    await this.writing(BATCHES, batch.sealed, (batches) => batches.put(batch));
  }

  async dropTrial(trial: string): Promise<void> {
    await this.writing(TRIALS, false, (trials) => trials.delete(trial));
  }

  async dropBatch(trial: string, number: number): Promise<void> {
    await this.writing(BATCHES, false, (batches) => batches.delete([trial, number]));
  }

  private reading(name: string): IDBObjectStore {
    return this.database.transaction(name, "readonly").objectStore(name);
  }

  /** `safely`: wait until the operating system has written it, not only the browser. */
  private writing(name: string, safely: boolean, write: (store: IDBObjectStore) => void): Promise<void> {
    const durability = safely ? "strict" : "relaxed";
    const transaction = this.database.transaction(name, "readwrite", { durability });
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser's database gave up"));
      write(transaction.objectStore(name));
    });
  }
}

function answered<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database gave up"));
  });
}
