/** What a base's Jinja template makes of a conversation. The template is a stranger's: only template-main.ts calls this. */
import { Template } from '@huggingface/jinja';

let newest: { source: string; template: Template } | undefined;

/** Throws an Error for a template that can't be read, and for values that it rejects. */
export function templateText(source: string, values: Record<string, unknown>): string {
  if (newest?.source !== source) newest = { source, template: new Template(source) };
  return newest.template.render(values);
}
