/** The operations on rows as a table: what each is called, takes and answers. */
import type { CollectionAction, ResourceAction } from '../route.js'
import type { Names } from './names.js'

export type Kind = ResourceAction | CollectionAction

/** What an operation on rows says, but for names that come from the resource. */
export interface Shape {
  readonly id: (names: Names) => string
  readonly summary: (names: Names) => string
  readonly query?: 'list' | 'read'
  readonly body?: 'one' | 'one or many' | 'many' | 'optional'
  readonly answer: 'one' | 'one or many' | 'many' | 'none' | 'document'
  readonly status: 200 | 201 | 204
  readonly problems: readonly number[]
}

export const SHAPES: Readonly<Record<Kind, Shape>> = {
  list: {
    id: ({ many }) => `list${many}`,
    summary: ({ many }) => `List ${many}`,
    query: 'list',
    answer: 'many',
    status: 200,
    problems: [],
  },
  create: {
    id: ({ one }) => `create${one}`,
    summary: ({ one }) => `Write one ${one} or an array of them, with what is nested in them`,
    body: 'one or many',
    answer: 'one or many',
    status: 201,
    problems: [409, 413, 415, 507],
  },
  read: {
    id: ({ one }) => `read${one}`,
    summary: ({ one }) => `Read one ${one}`,
    query: 'read',
    answer: 'one',
    status: 200,
    problems: [404],
  },
  update: {
    id: ({ one, method }) => `${method === 'PATCH' ? 'patch' : 'update'}${one}`,
    summary: ({ one }) => `Update the given fields of one ${one}`,
    body: 'one',
    answer: 'one',
    status: 200,
    problems: [404, 409, 413, 415, 507],
  },
  delete: {
    id: ({ one }) => `delete${one}`,
    summary: ({ one }) => `Delete one ${one}`,
    answer: 'none',
    status: 204,
    problems: [404, 409, 507],
  },
  release: {
    id: ({ one }) => `release${one}`,
    summary: ({ one }) => `Make the next version of one ${one}`,
    body: 'optional',
    answer: 'one',
    status: 201,
    problems: [404, 409, 413, 415, 507],
  },
  schema: {
    id: ({ one }) => `get${one}Schema`,
    summary: ({ one }) => `OpenAPI of ${one}`,
    answer: 'document',
    status: 200,
    problems: [],
  },
  access: {
    id: ({ one }) => `get${one}Access`,
    summary: ({ one }) => `Who may do what to one ${one}, and why`,
    answer: 'document',
    status: 200,
    problems: [404],
  },
  related: {
    id: ({ one, relation }) => `read${one}${relation}`,
    summary: ({ one, relation }) => `Read the ${relation} of one ${one}`,
    query: 'read',
    answer: 'one',
    status: 200,
    problems: [404],
  },
  collection_list: {
    id: ({ one, relation }) => `list${one}${relation}`,
    summary: ({ one, relation }) => `List the ${relation} of one ${one}`,
    query: 'list',
    answer: 'many',
    status: 200,
    problems: [404],
  },
  collection_add: {
    id: ({ one, relation }) => `add${one}${relation}`,
    summary: ({ one, relation }) => `Write into, or link to, the ${relation} of one ${one}`,
    body: 'one or many',
    answer: 'one or many',
    status: 201,
    problems: [404, 409, 413, 415, 507],
  },
  collection_replace: {
    id: ({ one, relation }) => `replace${one}${relation}`,
    summary: ({ one, relation }) => `Make the ${relation} of one ${one} exactly these`,
    body: 'many',
    answer: 'many',
    status: 200,
    problems: [404, 409, 413, 415, 507],
  },
  collection_remove: {
    id: ({ one, relation }) => `remove${one}${relation}`,
    summary: ({ one, relation }) => `Remove one of the ${relation} of one ${one}`,
    answer: 'none',
    status: 204,
    problems: [404, 409, 507],
  },
}
