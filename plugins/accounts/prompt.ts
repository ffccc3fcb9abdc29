import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** Asks one question; the answer is not shown. */
export type Prompt = (question: string) => Promise<string>

export const terminalPrompt: Prompt = async (question) => {
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('SIGINT', () => reject(new Error('interrupted')))
      lines.once('close', () => resolve(''))
      lines.question('', resolve)
    })
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}
