// Every test file gets a browser's database in memory; happy-dom has none.
import "fake-indexeddb/auto";
