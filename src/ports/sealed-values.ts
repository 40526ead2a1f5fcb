/** What lies sealed in a store, seen by the keys that sealed it. */
export interface SealedValues {
  /**
   * Ids of the keys without which something that is still wanted cannot be opened, each once, in no
   * order: those of sinks, deleted ones too, since they can be restored; of receipts and held items;
   * and of notifications that wait to be opened. Answers that sinks gave to tries are not asked about:
   * they are shown without their text when their key is gone.
   *
   * Cheap enough for every start, however much is kept: of many thousands that wait, the oldest and
   * the newest may be all that is looked at, since keys follow each other in time. Rejects with `StoreUnavailableError`.
   */
  neededKeys(): Promise<readonly string[]>;
}
