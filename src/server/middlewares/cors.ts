import cors from 'cors'
import type { ServerSettings } from '../../config/definition.js'
import type { Middleware } from './middleware.js'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const EXPOSED = ['Link', 'Location', 'Retry-After', 'X-Request-Id', 'X-Total-Count']

/** CORS headers for the origins of the config; null without any: then there are no such headers at all. */
export function corsFor(settings: ServerSettings['cors']): Middleware | null {
  if (settings === null) return null
  const { origins } = settings
  const handler = cors({
    origin: origins.includes('*') ? '*' : [...origins],
    methods: METHODS,
    exposedHeaders: EXPOSED,
    maxAge: 600,
    preflightContinue: true,
  })
  return function allowOrigins(request, response, next) {
    return handler(request, response, next)
  }
}
