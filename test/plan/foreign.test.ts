/** What other systems write in a query is refused with the way to write it here. */
import t from 'tap'
import { BiodmError } from '../../src/errors.js'
import { planList } from '../../src/plan/read.js'
import { modelOf } from '../helpers/models.js'

const model = await modelOf({
  resources: {
    Project: { columns: { name: 'string', size: 'integer' } },
    Dataset: {
      columns: {
        name: 'string(50)!',
        size: 'integer',
        day: 'date',
        first: 'integer',
        secret: { type: 'string', hidden: true },
      },
      relations: { project: { one: 'Project' } },
    },
  },
})

function fault(query: string): string {
  try {
    planList({ model, caller: null, enforce: false }, model.resource('Dataset'), query)
  } catch (error) {
    if (error instanceof BiodmError && error.code === 'invalid_query') return error.errors[0]?.message ?? ''
    throw error
  }
  throw new Error(`${query} was not refused`)
}

/** Query → what the message must hold. */
const HINTS: Readonly<Record<string, string>> = {
  'limit=10': '`start=20&end=40`',
  'offset=20': '`start=20&end=40`',
  'page=2': '`start=20&end=40`',
  'per_page=10': '`start=20&end=40`',
  'pageSize=10': '`start=20&end=40`',
  '$top=10': '`start=20&end=40`',
  'page[size]=10': '`start=20&end=40`',
  'select=name': '`fields=name,files.filename`',
  'include=project': '`fields=name,files.filename`',
  'fields[datasets]=name': '`fields=name,files.filename`',
  'fields=*': 'without `fields` every column is shown',
  'fields=name,project(name)': '`files.filename`',
  'order=name': '`sort=name,-size`',
  'order_by=-name': '`sort=name,-size`',
  '$orderby=name': '`sort=name,-size`',
  'sort=name:desc': '`sort=-name`',
  'sort=name.desc': '`sort=-name`',
  'sort=name.asc,size:desc': '`sort=name,-size`',
  'sort=size,desc': '`sort=-size`',
  'sort=size+desc': '`sort=-size`',
  'sort=+size': '`sort=size`',
  'sort=-size.desc': '`sort=-size`',
  'size=lt.2': '`size.lt(2)`',
  'size=lte.2': '`size.le(2)`',
  'size=gte:2': '`size.ge(2)`',
  'size=eq.2': '`size=2`',
  'size=not.eq.2': '`size.ne(2)`',
  'size=in.(1,2)': '`size=1,2`',
  'size=is.null': '`size.null()`',
  'size=not.is.null': '`size.not_null()`',
  'size=gt(2)': '`size.gt(2)`',
  'size=>2': '`size.gt(2)`',
  'size=null': '`size.null()`',
  'size=1..5': '`size.ge(1)&size.le(5)`',
  'day=gte.2024-01-31': '`day.ge(2024-01-31)`',
  'project.size=lt.2': '`project.size.lt(2)`',
  'size__lt=2': '`size.lt(2)`',
  'size__gte=2': '`size.ge(2)`',
  'size__in=1,2': '`size=1,2`',
  'name__icontains=a': '`name=*a*`',
  'name__startswith=a': '`name=a*`',
  'day__isnull=true': '`day.null()`',
  'day__isnull=false': '`day.not_null()`',
  'project__name=a': '`project.name=a`',
  'project__size__lt=2': '`project.size.lt(2)`',
  'size[lt]=2': '`size.lt(2)`',
  'size[$gte]=2': '`size.ge(2)`',
  'filter[size][_lt]=2': '`size.lt(2)`',
  'filter[project][name][_eq]=a': '`project.name=a`',
  'filter[name]=a': '`name=a`',
  'filters[name][$contains]=a': '`name=*a*`',
  'filter=size': '`size.gt(10)`',
  'size%3E=2': '`size.ge(2)`',
  'size%3E2': '`size.gt(2)`',
  'size!=2': '`size.ne(2)`',
  'search=a': '`name=*term*`',
  'size.lte(2)': '`size.le(2)`',
  'name.in(a,b)': '`name=a,b`',
  'name.contains(a)': '`name=*a*`',
  'name.isnull()': '`name.null()`',
}

for (const [query, hint] of Object.entries(HINTS)) {
  t.test(query, async (t) => {
    const message = fault(query)
    t.ok(message.includes(hint), message)
  })
}

t.test('a hint comes before the names that there are', async (t) => {
  t.match(fault('limit=1'), /^Dataset has no field `limit`; a page is .*; fields are `id`/)
})

t.test('a field is a field, whatever other systems call so', async (t) => {
  t.equal(fault('first=x'), '`x` is not an integer')
  t.doesNotThrow(() =>
    planList({ model, caller: null, enforce: false }, model.resource('Dataset'), 'first=1&name=lt.2'),
  )
})

t.test('hidden fields are told like unknown ones', async (t) => {
  for (const query of ['X=null', 'X__lt=2', 'X[lt]=2', 'X=lt.2']) {
    const [hidden, unknown] = ['secret', 'sxcrxt'].map((name) =>
      fault(query.replace('X', name)).replaceAll(name, 'X'),
    )
    t.equal(hidden, unknown)
  }
})

t.test('what has no letter of a name is not taken for it', async (t) => {
  for (const query of ['fields=', 'fields=*', 'sort=', '=1']) t.notMatch(fault(query), /did you mean/, query)
})

t.test('what is long is not repeated', async (t) => {
  t.ok(fault(`size__lt=${'9'.repeat(5_000)}`).length < 400)
})

t.test('names of what every object has are no operators', async (t) => {
  for (const name of ['constructor', '__proto__', 'toString'])
    t.match(fault(`size[${name}]=1`), /no field|parentheses/, name)
})
