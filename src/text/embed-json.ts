/**
 * JSON that is safe inside script tags: `<` is escaped, so that no file name or completion can contain `</script>` or
 * `<!--`.
 */
export function embedJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}
