import { BiodmError } from 'biodm'

/** A parameter that is true or false, in any case; false when it is not there. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = (query.get(name) ?? 'false').toLowerCase()
  if (value === 'true' || value === 'false') return value === 'true'
  throw new BiodmError('invalid_query', `${name} is true or false.`, {
    errors: [{ parameter: name, message: 'must be true or false' }],
  })
}
