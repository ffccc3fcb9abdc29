// A plugin that uses every part of the contract once. Nothing runs when it is imported: it only declares.
import { BiodmError, definePlugin } from 'biodm'
import { connect } from './carrier.js'

export default definePlugin({
  name: 'courier',
  description: 'Books parcels with a carrier',

  // JSON Schema of what stands under `plugins:`; defaults are filled in, mistakes are reported at their line.
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['carrier'],
    properties: {
      carrier: { type: 'string', description: 'URL of the carrier, or `memory`' },
      poll: {
        type: 'integer',
        minimum: 1_000,
        default: 60_000,
        description: 'How often to ask for news, ms',
      },
    },
  },

  // What a resource gets by `traits: { courier.shipped: { service: express } }`.
  traits: {
    shipped: {
      description: 'A row that travels',
      options: {
        type: 'object',
        additionalProperties: false,
        properties: { service: { enum: ['standard', 'express'], default: 'standard' } },
      },
      columns: {
        booking: { type: 'string', max: 40, readonly: true, unique: true },
        state: {
          type: 'enum',
          values: ['booked', 'dispatched', 'delivered'],
          default: 'booked',
          readonly: true,
        },
        // Computed: not stored, filled by the read hook below.
        tracking_url: { type: 'text', virtual: true, readonly: true },
      },
      hooks: {
        create: { prefix: ['courier.book'], postfix: ['courier.announce'] },
        delete: { postfix: ['courier.cancel'] },
        read: { postfix: ['courier.track'] },
        list: { postfix: ['courier.track'] },
        dispatch: { postfix: ['courier.announce'] },
      },
      // A verb of its own for `access:`, an operation of its own for hooks, and the route that carries it out.
      verbs: ['dispatch'],
      operations: ['dispatch'],
      routes: [
        {
          method: 'POST',
          path: '/:id/dispatch',
          verb: 'dispatch',
          openapi: {
            summary: 'Hand the parcel to the carrier',
            responses: { 200: { description: 'Dispatched' } },
          },
          async run(ctx) {
            if (ctx.row.state !== 'booked')
              throw new BiodmError('conflict', `The parcel is ${ctx.row.state} already.`)
            await ctx.operate('dispatch', async ({ models }) => {
              await models[ctx.resource.name].query().findById(ctx.key.id).patch({ state: 'dispatched' })
            })
            return { status: 200, body: { state: 'dispatched' } }
          },
        },
      ],
      // Said at start, with the other problems of the configuration.
      validate: (resource) =>
        resource.columns.includes('address')
          ? []
          : [`${resource.name} needs a column "address" to be shipped`],
    },
  },

  hooks: {
    // Prefix: before anything is written. It may complete or refuse the data, and call other systems.
    refuse: {
      stage: 'prefix',
      description: 'Refuses forbidden goods; with: { words, column }',
      run(ctx) {
        const { words, column = 'content' } = ctx.options
        for (const item of ctx.items) {
          const word = words.find((each) => String(item.data[column] ?? '').includes(each))
          if (word === undefined) continue
          throw new BiodmError('invalid_body', `The carrier does not take anything ${word}.`, {
            errors: [{ pointer: `${item.pointer}/${column}`, message: `must not be ${word}` }],
          })
        }
      },
    },
    // One call for all items of a level; what was done elsewhere is undone if the request does not commit.
    book: {
      stage: 'prefix',
      async run(ctx) {
        const { courier } = ctx.managers
        for (const item of ctx.items) {
          const booking = await courier.book(item.data.address, ctx.signal)
          ctx.onRollback(() => courier.cancel(booking))
          item.data.booking = booking
        }
      },
    },
    // Postfix: the rows are there, with their keys, in the same transaction.
    announce: {
      stage: 'postfix',
      async run(ctx) {
        for (const { row } of ctx.items) {
          // Must happen although the process may die: a job in the outbox, run at least once after the commit.
          await ctx.enqueue('courier.notify', { booking: row.booking, operation: ctx.operation })
        }
        // May be lost: only once committed, a failure is logged.
        ctx.afterCommit(() => ctx.log.info({ parcels: ctx.items.length }, `${ctx.operation} announced`))
      },
    },
    cancel: {
      stage: 'postfix',
      async run(ctx) {
        for (const { row } of ctx.items) await ctx.enqueue('courier.cancel', { booking: row.booking })
      },
    },
    // On `read` and `list`, `row` is the object that will be sent.
    track: {
      stage: 'postfix',
      run(ctx) {
        for (const { row } of ctx.items) {
          if (row.booking) row.tracking_url = ctx.managers.courier.trackingUrl(row.booking)
        }
      },
    },
  },

  // Jobs run at least once: the same booking twice must do no harm.
  jobs: {
    notify: (payload, ctx) => ctx.managers.courier.notify(payload.booking, payload.operation, ctx.signal),
    cancel: (payload, ctx) => ctx.managers.courier.cancel(payload.booking),
  },

  // Recurring work, done by one of several processes.
  tasks: {
    deliveries: {
      every: 60_000,
      async run(ctx) {
        for (const booking of await ctx.managers.courier.delivered(ctx.signal)) {
          ctx.log.info({ booking }, 'delivered')
        }
      },
    },
  },

  routes: [
    {
      method: 'GET',
      path: '/courier/services',
      public: true, // also without a token under `server.require_auth`
      openapi: { summary: 'Services of the carrier', responses: { 200: { description: 'Their names' } } },
      run: () => ({ status: 200, body: ['standard', 'express'] }),
    },
  ],

  commands: [
    {
      name: 'courier-bookings',
      description: 'List the bookings that the carrier knows',
      run(ctx) {
        for (const booking of ctx.managers.courier.bookings()) ctx.out(booking)
        return 0
      },
    },
  ],

  // Connects. `manager` is what hooks find as ctx.managers.courier.
  async setup(options, { log }) {
    const carrier = await connect(options.carrier)
    log.info({ carrier: options.carrier }, 'carrier connected')
    return { manager: carrier, ready: () => carrier.ping(), close: () => carrier.close() }
  },
})
