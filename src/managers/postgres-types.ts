import pg from 'pg'

const identity = (text: string): string => text

/** `2024-02-03 04:05:06.789+00`, as sessions in any time zone write it, → ISO 8601 in UTC with milliseconds. */
function instant(text: string): string {
  const iso = text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')
  const date = new Date(iso)
  return Number.isNaN(date.getTime()) ? text : date.toISOString()
}

const { builtins } = pg.types

/** Values as JSON would have them: decimals, dates and JSON itself stay text, integers to 2^53 are numbers. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [builtins.INT8]: Number,
  [builtins.NUMERIC]: identity,
  [builtins.DATE]: identity,
  // Sessions are in UTC, so what is stored without a time zone is taken for it.
  [builtins.TIMESTAMP]: (text) => instant(`${text}+00`),
  [builtins.TIMESTAMPTZ]: instant,
  [builtins.JSON]: identity,
  [builtins.JSONB]: identity,
}

/** For pg's `types` option, instead of parsers that the whole process would share. */
export const postgresTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    PARSERS[oid] ?? pg.types.getTypeParser(oid, format)) as pg.CustomTypesConfig['getTypeParser'],
}
