/**
 * A JSON value that is text already. A `read` or `list` hook may leave one as the value of a member of a row: it is sent as it
 * is, which spares a thousand rows building objects that are turned into text at once.
 */
export class JsonText {
  readonly text: string

  /** The caller answers for `text` being one JSON value. */
  constructor(text: string) {
    this.text = text
  }

  toJSON(): unknown {
    return JSON.parse(this.text)
  }
}

/** As `JSON.stringify`; members that are text already come last. Takes them out of `row`. */
export function rowText(row: Record<string, unknown>): string {
  let members = ''
  for (const name in row) {
    const value = row[name]
    if (!(value instanceof JsonText)) continue
    members += `,${JSON.stringify(name)}:${value.text}`
    row[name] = undefined
  }
  const text = JSON.stringify(row)
  if (members === '') return text
  return text === '{}' ? `{${members.slice(1)}}` : `${text.slice(0, -1)}${members}}`
}
