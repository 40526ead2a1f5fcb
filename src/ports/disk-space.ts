/** How much room is left where this instance stores. */
export interface DiskSpace {
  /** Bytes free for this process; may take as long as the disk does. */
  freeBytes(): Promise<number>;
}
