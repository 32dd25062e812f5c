/** README.md of a published adapter, which users read first on the hub or in a folder. */
import { nameOfMetric, type Summary } from '../protocol/evaluation.ts';
import type { SharedManifest } from '../protocol/sharing.ts';

/** The manifest before its files are known. */
export type ManifestDraft = Omit<SharedManifest, 'files'>;

/** Pure. The hub parses the first lines of a card. */
export function card(about: ManifestDraft, summary: Summary | undefined): string {
  const { name, version, base, licence, corpus, publishedAt, run, sentence } = about;
  const rows = summary?.comparisons.map(
    ({ task, metric, unit, before, after }) =>
      `| ${task} | ${nameOfMetric(metric)} | ${shown(before.value)} | ${shown(after.value)} | ${unit} | ${after.n} |`,
  );
  const facts = [
    `- Base: ${base.id}, sha256 \`${base.sha256}\`${base.licence ? `, licence ${base.licence}` : ''}`,
    ...(corpus
      ? [
          `- Trained on ${corpus.documents} documents, ${corpus.trainTokens} tokens${corpus.digest ? `; digest \`${corpus.digest}\`` : ''}`,
        ]
      : []),
    `- Run ${run}, published ${publishedAt}`,
    `- Licence: ${licence ?? "not stated; the base's own licence applies in any case"}`,
  ];
  return `---
tags: [lora, gguf, forget-me-not]
---
# ${name}, version ${version}
A LoRA adapter made by Forget-Me-Not.${sentence ? ` ${sentence}` : ''}

${facts.join('\n')}

Use it with \`forget-me-not fetch ${name}@${version} --from WHERE\`, or give \`adapter.gguf\` to llama.cpp with \`--lora\`.
Charts are in \`report.html\`.
${rows?.length ? `\n| task | metric | before | result | unit | n |\n| --- | --- | --- | --- | --- | --- |\n${rows.join('\n')}\n` : ''}`;
}

const shown = (value: number) => Number(value.toPrecision(4));
