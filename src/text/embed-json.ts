/**
 * JSON that is safe inside script tags: without `<`, file names or completions can contain neither `</script>` nor
 * `<!--`.
 */
export function embedJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}
