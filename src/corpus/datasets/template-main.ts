/**
 * The process `node dist/chat-template.mjs`: lays out conversations in a base's own template. Whatever the template
 * does to it (memory, endless loops), the process that asked goes on: see template-process.ts. A thread would not do:
 * V8 ends the whole process where one thread asks for too long a list.
 */
import { limitProcess } from '../../platform/processes/own-limits.ts';
import { templateText } from './template-text.ts';

export interface TemplateQuestion {
  source: string;
  values: Record<string, unknown>;
  /** Characters that the text may have. */
  most: number;
}
export type TemplateAnswer = { text: string } | { failed: string } | { long: true };

/** Of a template's own complaint. */
const LONGEST_REASON = 300;

// In an endless loop, it hears nothing of that its parent has ended.
limitProcess();
process.on('disconnect', () => process.exit());
process.on('message', ({ source, values, most }: TemplateQuestion) => {
  process.send!(answer());

  function answer(): TemplateAnswer {
    try {
      const text = templateText(source, values);
      return text.length > most ? { long: true } : { text };
    } catch (error) {
      return { failed: String((error as Error).message).slice(0, LONGEST_REASON) };
    }
  }
});
