/** Reads a multipart/form-data body: fields first, then one file, which is handed over as a stream. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { BiodmError } from 'biodm'
import busboy from 'busboy'

const FIELD_LIMITS = {
  fields: 40,
  fieldSize: 64 * 1024,
  fieldNameSize: 200,
  files: 1,
  parts: 60,
  headerPairs: 20,
}

/** Room for fields and boundaries around the file, when the length of a body is judged before reading it. */
export const FORM_OVERHEAD = 256 * 1024

/**
 * Calls `onFile` once, with all fields before the file; resolves with what it gives after the whole form was read. A form
 * without a file, with a field after it or that is none is `bad_request`.
 */
export async function readForm<T>(
  request: IncomingMessage,
  onFile: (fields: ReadonlyMap<string, string>, file: Readable) => Promise<T>,
): Promise<T> {
  const parser = open(request)
  const fields = new Map<string, string>()
  let result: Promise<T> | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      parser.on('field', (name, value, info) => {
        if (result !== undefined) reject(bad('The file must be the last field of the form.'))
        else if (info.nameTruncated || info.valueTruncated) reject(bad('A field of the form is too long.'))
        else if (fields.has(name)) reject(bad(`The form's field "${name}" is repeated.`))
        else fields.set(name, value)
      })
      parser.on('file', (_name, file) => {
        // the reader of the file sees the error and says it better
        file.on('error', () => {})
        result = onFile(fields, file)
        result.catch(reject)
      })
      for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const)
        parser.on(limit, () => reject(bad('The form has too many fields.')))
      parser.on('error', (error) => reject(bad('The form is malformed.', error)))
      parser.on('close', resolve)
      request.on('error', reject)
      request.on('aborted', () => reject(bad('The upload broke off; nothing was kept.')))
      request.pipe(parser)
    })
    if (result === undefined) throw bad('The form has no file.')
    return await result
  } catch (error) {
    request.unpipe(parser)
    parser.destroy()
    request.resume()
    // what it began ends before the caller clears up
    await result?.catch(() => {})
    throw error
  }
}

function open(request: IncomingMessage): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      limits: { ...FIELD_LIMITS, fileSize: Number.POSITIVE_INFINITY },
    })
  } catch (error) {
    throw bad('The body must be multipart/form-data.', error)
  }
}

const bad = (detail: string, cause?: unknown): BiodmError => new BiodmError('bad_request', detail, { cause })
