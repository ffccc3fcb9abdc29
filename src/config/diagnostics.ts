/**
 * What is wrong with a configuration, for the person who edits it: place, message, source line, caret and hint.
 * Every fault of a configuration, whatever finds it, ends up in one `ConfigError`.
 */

/** One fault. `line` and `column` count from 1 (in characters); `source` is the line's text without its end. */
export interface Diagnostic {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly hint: string | null
  readonly source: string
  /** How many characters the caret line underlines, at least 1. */
  readonly length: number
}

/** Thrown by `loadDefinition` with every fault there is, in the order of files and places. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(headline).join('\n'))
    this.diagnostics = Object.freeze([...diagnostics])
  }

  /** The whole text for a terminal: one block a fault. File names are shown relative to `cwd` where they lie in it. */
  format(cwd: string = process.cwd()): string {
    const prefix = cwd.endsWith('/') ? cwd : `${cwd}/`
    const count = this.diagnostics.length
    const blocks = this.diagnostics.map((fault) => block(relative(fault, prefix)))
    return `${blocks.join('\n\n')}\n\n${count} ${count === 1 ? 'problem' : 'problems'} found`
  }
}

function relative(fault: Diagnostic, prefix: string): Diagnostic {
  return fault.file.startsWith(prefix) ? { ...fault, file: fault.file.slice(prefix.length) } : fault
}

function headline(fault: Diagnostic): string {
  return `${fault.file}:${fault.line}:${fault.column}  error  ${fault.message}`
}

function block(fault: Diagnostic): string {
  const lines = [headline(fault)]
  if (fault.source.trim() !== '') lines.push(...frame(fault))
  if (fault.hint !== null) lines.push(`  hint: ${fault.hint}`)
  return lines.join('\n')
}

const FRAME_WIDTH = 160

/** The source line and a caret line below it; long lines are cut around the fault, control characters blanked. */
function frame(fault: Diagnostic): string[] {
  const start = Math.max(0, fault.column - 1 - FRAME_WIDTH / 2)
  const text = fault.source.slice(start, start + FRAME_WIDTH).replace(/\p{Cc}/gu, ' ')
  const gutter = `  ${fault.line} | `
  const before = fault.column - 1 - start
  const carets = '^'.repeat(Math.max(1, Math.min(fault.length, text.length - before)))
  return [gutter + text, `${' '.repeat(gutter.length - 2)}| ${' '.repeat(before)}${carets}`]
}
