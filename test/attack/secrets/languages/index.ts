/** All languages and formats of the grammar, in groups. */
import { c, csharp, go, java, kotlin, lua, rust, swift } from './compiled.ts';
import { javascript, notebook, php, powershell, python, ruby, shell, typescript } from './scripting.ts';
import { dockerfile, env, hcl, ini, json, markdown, properties, sql, toml, xml, yaml } from './settings.ts';

export * from './compiled.ts';
export * from './scripting.ts';
export * from './settings.ts';

/** Programming languages. */
export const code = [
  ...[python, notebook, javascript, typescript, go, java, csharp, ruby, php, rust, c, kotlin, swift, lua],
];
export const scripts = [shell, powershell, dockerfile];
export const settings = [yaml, json, toml, ini, properties, env, xml, hcl];
export const everything = [...code, ...scripts, ...settings, sql, markdown];
