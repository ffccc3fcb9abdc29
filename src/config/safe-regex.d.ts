declare module 'safe-regex' {
  /** false when the expression has nested quantifiers, or more than `limit` repetitions. */
  export default function safeRegex(
    expression: string | RegExp,
    options?: { readonly limit?: number },
  ): boolean
}
