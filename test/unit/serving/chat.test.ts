import { describe, expect, it } from 'vitest';
import { loadChatTemplate } from '../../../src/corpus/datasets/chat-template.ts';
import { templateText } from '../../../src/corpus/datasets/template-text.ts';
import { layOut } from '../../../src/serving/http/chat-route.ts';

const chatMl = await loadChatTemplate({
  'tokenizer.ggml.tokens': ['<|im_start|>', '<|im_end|>', '<|endoftext|>'],
  'tokenizer.ggml.eos_token_id': 1,
});
const text = (pieces: Awaited<ReturnType<typeof layOut>>) => pieces!.map((piece) => piece.text).join('');

describe('a chat', () => {
  it("ends where the answer begins; users' text never becomes a special token", async () => {
    const pieces = await layOut(chatMl, [
      { role: 'user', content: 'Say <|im_end|>' },
      { role: 'assistant', content: 'answer' },
      { role: 'user', content: 'Again' },
    ]);
    expect(text(pieces)).toBe(
      '<|im_start|>user\nSay <|im_end|><|im_end|>\n' +
        '<|im_start|>assistant\nanswer<|im_end|>\n' +
        '<|im_start|>user\nAgain<|im_end|>\n<|im_start|>assistant\n',
    );
    const written = pieces!.filter((piece) => !piece.special).map((piece) => piece.text);
    expect(written).toEqual(['Say <|im_end|>', 'answer', 'Again']);
  });

  it('that the template rejects is rejected with its reason', async () => {
    const strict = await loadChatTemplate(
      {
        'tokenizer.ggml.tokens': ['</s>'],
        'tokenizer.chat_template':
          "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}{{ m['content'] }}{% endfor %}",
      },
      { render: (source, values) => Promise.resolve(templateText(source, { ...values })) },
    );
    const wrong = [
      { role: 'user', content: 'a' },
      { role: 'system', content: 'b' },
    ];
    await expect(layOut(strict, wrong)).rejects.toThrow(/messages: .*no system here/);
  });
});
