/** JSON lines, in files and between processes. Broken or unknown lines are reported and never fatal. */
import type { z } from 'zod';

type ParsedLine<T> = { ok: true; value: T } | { ok: false; line: string; why: string };

/** Parses one line with a schema. */
export function parseLine<T>(schema: z.ZodType<T>, line: string): ParsedLine<T> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    return { ok: false, line, why: (error as Error).message };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, line, why: parsed.error.issues[0]?.message ?? 'unknown message' };
}

/** Parses a text line by line and counts broken lines. An incomplete last line (no line end) is skipped. */
export function parseLines<T>(schema: z.ZodType<T>, text: string): { values: T[]; broken: number } {
  const values: T[] = [];
  let broken = 0;
  for (const line of text.split('\n').slice(0, -1)) {
    if (!line.trim()) continue;
    const parsed = parseLine(schema, line);
    if (parsed.ok) values.push(parsed.value);
    else broken += 1;
  }
  return { values, broken };
}
