/** `table[key]` for a key that comes from outside: members that every object has are no entries. */
export function entry<T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined {
  return typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined
}
