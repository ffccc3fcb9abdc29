/** What the routes of the trait look like to generators of clients. */
import type { JsonSchema } from 'biodm'

const text = (example: string): JsonSchema => ({
  description: example,
  content: { 'text/plain': { schema: { type: 'string', examples: [example] } } },
})

const UPLOAD: JsonSchema = {
  type: 'object',
  required: ['id', 'parts'],
  properties: {
    id: { type: 'string', format: 'uuid' },
    parts: {
      type: 'array',
      items: {
        type: 'object',
        required: ['part_number', 'offset', 'size', 'method', 'url', 'etag'],
        properties: {
          part_number: { type: 'integer', minimum: 1 },
          offset: { type: 'integer', minimum: 0, description: 'First byte of the part in the file' },
          size: { type: 'integer', minimum: 0 },
          method: { type: 'string', enum: ['POST', 'PUT'] },
          url: { type: ['string', 'null'], description: 'Null: already there, or ask again once others are' },
          fields: {
            type: ['object', 'null'],
            additionalProperties: { type: 'string' },
            description: 'Fields of the form, to be sent before `file`; POST only',
          },
          etag: { type: ['string', 'null'], description: 'Of a part that the store has' },
        },
      },
    },
  },
}

const upload = (description: string): JsonSchema => ({
  description,
  content: { 'application/json': { schema: UPLOAD } },
})

const CONFLICT: JsonSchema = { $ref: '#/components/responses/Conflict' }

const redirect = {
  name: 'redirect',
  in: 'query',
  schema: { type: 'boolean', default: true },
  description: 'false: answer the address instead of a redirect',
}

export const TRAIT_ROUTES_OPENAPI = {
  download: {
    summary: 'Download the content',
    parameters: [redirect],
    responses: {
      200: {
        description: 'The signed address (`redirect=false`)',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['url'],
              properties: { url: { type: 'string', format: 'uri' } },
            },
          },
        },
      },
      307: {
        description: 'To the signed address',
        headers: { Location: { required: true, schema: { type: 'string' } } },
      },
      409: CONFLICT,
    },
  },
  postSuccess: {
    summary: 'Called by the store once a form was uploaded',
    parameters: [{ name: 'token', in: 'query', required: true, schema: { type: 'string' } }],
    responses: {
      201: text('Uploaded.'),
      403: { $ref: '#/components/responses/Forbidden' },
      409: CONFLICT,
    },
  },
  complete: {
    summary: 'Finish an upload',
    requestBody: {
      description: 'All parts with their ETags; no body for a file uploaded by a form',
      content: {
        'application/json': {
          schema: {
            type: 'array',
            items: {
              type: 'object',
              required: ['PartNumber', 'ETag'],
              properties: { PartNumber: { type: 'integer' }, ETag: { type: 'string' } },
            },
          },
        },
      },
    },
    responses: { 201: text('Completed.'), 409: CONFLICT },
  },
  getUpload: {
    summary: 'What is uploaded and what is missing, with fresh addresses',
    responses: { 200: upload('The upload') },
  },
  renewUpload: {
    summary: 'Begin the upload anew',
    responses: { 201: upload('The new upload'), 409: CONFLICT },
  },
  cancelUpload: {
    summary: 'Cancel the upload',
    responses: { 204: { description: 'Cancelled' }, 409: CONFLICT },
  },
} as const satisfies Record<string, JsonSchema>
