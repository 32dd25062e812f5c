/**
 * Renders a conversation with a base's Jinja template. The template is untrusted: only template-main.ts may call this.
 */
import { Template } from '@huggingface/jinja';

let newest: { source: string; template: Template } | undefined;

/** Throws an Error for a template that can't be read, and for values that it rejects. */
export function templateText(source: string, values: Record<string, unknown>): string {
  if (newest?.source !== source) newest = { source, template: new Template(source) };
  return newest.template.render(values);
}
