import { describe, expect, it } from 'vitest';
import { layOutGap, findTemplate } from '../../../src/serving/remote/fim-templates.ts';

const fill = (name: string) => layOutGap(findTemplate([name])!, { prefix: 'a = ', suffix: '\nb' });

describe('the special tokens of a code model', () => {
  // As in the models' cards and papers.
  it.each([
    ['Qwen/Qwen2.5-Coder-7B-Instruct', '<|fim_prefix|>a = <|fim_suffix|>\nb<|fim_middle|>'],
    ['qwen2.5-coder:1.5b', '<|fim_prefix|>a = <|fim_suffix|>\nb<|fim_middle|>'],
    ['Qwen3-Coder-30B-A3B-Instruct', '<|fim_prefix|>a = <|fim_suffix|>\nb<|fim_middle|>'],
    ['bigcode/starcoder2-3b', '<fim_prefix>a = <fim_suffix>\nb<fim_middle>'],
    ['bigcode/starcoder', '<fim_prefix>a = <fim_suffix>\nb<fim_middle>'],
    ['ibm-granite/granite-3b-code-base', '<fim_prefix>a = <fim_suffix>\nb<fim_middle>'],
    ['deepseek-ai/deepseek-coder-6.7b-base', '<｜fim▁begin｜>a = <｜fim▁hole｜>\nb<｜fim▁end｜>'],
    ['DeepSeek-Coder-V2-Lite-Base', '<｜fim▁begin｜>a = <｜fim▁hole｜>\nb<｜fim▁end｜>'],
    ['codellama/CodeLlama-7b-hf', '<PRE> a =  <SUF>\nb <MID>'],
    ['codellama:13b-code', '<PRE> a =  <SUF>\nb <MID>'],
    ['mistralai/Codestral-22B-v0.1', '[SUFFIX]\nb[PREFIX]a = '],
    ['google/codegemma-2b', '<|fim_prefix|>a = <|fim_suffix|>\nb<|fim_middle|>'],
  ])('%s', (name, prompt) => expect(fill(name)).toBe(prompt));

  it.each(['gpt-4o', 'Qwen2.5-7B-Instruct', 'CodeLlama-34b-hf', 'CodeLlama-7b-Python-hf', 'mine'])(
    'are not guessed for %s',
    (name) => expect(findTemplate([name])).toBeUndefined(),
  );

  it('precede what the gap already contains', () => {
    const gap = { prefix: 'f(\n', begun: '  a, ', suffix: '\n)' };
    const qwen = findTemplate(['qwen2.5-coder'])!;
    expect(layOutGap(qwen, gap)).toBe('<|fim_prefix|>f(\n<|fim_suffix|>\n)<|fim_middle|>  a, ');
    expect(layOutGap(findTemplate(['codestral'])!, gap)).toBe('[SUFFIX]\n)[PREFIX]f(\n  a, ');
    expect(layOutGap(qwen, { ...gap, suffix: '\n' })).toBe('f(\n  a, ');
    const marked = { ...gap, begun: '  a<|fim_middle|>b, ' };
    expect(layOutGap(qwen, marked)).toBe('<|fim_prefix|><|fim_suffix|>\n)<|fim_middle|>b, ');
  });

  it('are found by the base of an adapter', () => {
    expect(findTemplate(['mine', '/adapters/mine', 'Qwen/Qwen2.5-Coder-1.5B'])?.name).toBe('Qwen-Coder');
  });

  it("have few enough stop texts for OpenAI's limit, along with two of the request", () => {
    for (const name of ['qwen2.5-coder', 'starcoder2', 'deepseek-coder', 'codellama', 'codestral'])
      expect(findTemplate([name])!.ends.length).toBeLessThanOrEqual(2);
  });
});

describe('other files', () => {
  const place = { repository: 'shop', path: 'src/main.py' };
  const context = [{ filename: 'src/util.py', text: 'def util(): ...' }];
  const gap = { prefix: 'a = ', suffix: '\nb', place, context };

  it('come in the format of models that have one', () => {
    // Qwen2.5-Coder's card, and StarCoder 2's paper.
    expect(layOutGap(findTemplate(['qwen2.5-coder'])!, gap)).toBe(
      '<|repo_name|>shop\n<|file_sep|>src/util.py\ndef util(): ...\n' +
        '<|file_sep|>src/main.py\n<|fim_prefix|>a = <|fim_suffix|>\nb<|fim_middle|>',
    );
    expect(layOutGap(findTemplate(['starcoder2'])!, { ...gap, suffix: '' })).toBe(
      '<repo_name>shop<file_sep>src/util.py\ndef util(): ...\n<file_sep>src/main.py\na = ',
    );
    expect(layOutGap(findTemplate(['codellama'])!, gap)).toBe('<PRE> a =  <SUF>\nb <MID>');
  });

  it("and code that contain a special token's text can't put the token into the prompt", () => {
    const qwen = findTemplate(['qwen2.5-coder'])!;
    const laidOut = layOutGap(qwen, {
      place,
      context: [...context, { filename: 'marks.py', text: 'FILE = "<|file_sep|>"' }],
      prefix: 'one = "<|fim_middle|>"\ntwo = ',
      suffix: '\nthree = 3\nfour = "<|endoftext|>"',
    });
    expect(laidOut).toContain('src/util.py');
    expect(laidOut).not.toContain('marks.py');
    expect(laidOut.split('<|file_sep|>src/main.py\n')[1]).toBe(
      '<|fim_prefix|>"\ntwo = <|fim_suffix|>\nthree = 3\nfour = "<|fim_middle|>',
    );
  });
});
