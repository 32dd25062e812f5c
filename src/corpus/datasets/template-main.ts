/**
 * Entry point of the process `node dist/chat-template.mjs`, which renders conversations with a base's chat template. It
 * isolates the parent from the template's memory use and endless loops; see template-process.ts. A thread would not
 * suffice, because V8 ends the whole process if a thread allocates too long a list.
 */
import { limitProcess } from '../../platform/processes/own-limits.ts';
import { templateText } from './template-text.ts';

export interface TemplateRequest {
  source: string;
  values: Record<string, unknown>;
  /** Longest allowed text. */
  maxCharacters: number;
}
export type TemplateResponse = { text: string } | { failed: string } | { tooLong: true };

/** Longest error message of a template, in characters. */
const MAX_REASON_LENGTH = 300;

// In an endless loop, it would not notice that its parent has exited.
limitProcess();
process.on('disconnect', () => process.exit());
process.on('message', ({ source, values, maxCharacters }: TemplateRequest) => {
  process.send!(respond());

  function respond(): TemplateResponse {
    try {
      const text = templateText(source, values);
      return text.length > maxCharacters ? { tooLong: true } : { text };
    } catch (error) {
      return { failed: String((error as Error).message).slice(0, MAX_REASON_LENGTH) };
    }
  }
});
