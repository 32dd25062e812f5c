import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadChatTemplate } from '../../../src/corpus/datasets/chat-template.ts';
import { templateText } from '../../../src/corpus/datasets/template-text.ts';
import type { LlamaHost } from '../../../src/serving/host-types.ts';
import { createApp } from '../../../src/serving/http/app.ts';
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

  it('whose client leaves before it is laid out is not computed', async () => {
    let render: (template: typeof chatMl) => void = () => {};
    const host = {
      models: ['base'],
      memory: { contexts: 0, bytes: 0, evictions: 0 },
      device: { layers: 0 },
      chatTemplate: vi.fn(() => new Promise<typeof chatMl>((resolve) => (render = resolve))),
      complete: vi.fn(() => Promise.reject(new Error('It is computed.'))),
    };
    const app = await createApp(host as unknown as LlamaHost, { token: 'secret' });
    onTestFinished(() => app.close());
    await app.listen({ host: '127.0.0.1', port: 0 });
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' };
    const leaves = new AbortController();
    const closed = once(app.server, 'request').then(([, response]) => once(response, 'close'));
    const asked = fetch(
      `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/v1/chat/completions`,
      {
        ...{ method: 'POST', headers, signal: leaves.signal },
        body: JSON.stringify({ messages: [{ role: 'user', content: 'a' }] }),
      },
    ).catch(() => undefined);
    await expect.poll(() => host.chatTemplate).toHaveBeenCalled();
    leaves.abort();
    await Promise.all([asked, closed]);
    render(chatMl);
    const outcomes = async () => (await app.inject({ url: '/metrics', headers })).body;
    await expect.poll(outcomes).toMatch(/^forget_me_not_requests_total\{.*"cancelled"\} 1$/m);
    expect(host.complete).not.toHaveBeenCalled();
  });
});
