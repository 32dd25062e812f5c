/** Classifies files and folders by name. Paths use "/". The panel uses this too, so no Node imports. */
import type { Reason } from './reasons.ts';

export const toWordSet = (words: string) => new Set(words.trim().split(/\s+/));

const codeExtensions = toWordSet(`
  ada adb ads agda asm s astro awk bash bat bzl c cc cpp cxx c++ h hh hpp hxx inl ipp tpp m mm clj cljs cljc edn
  cmake cob cbl coffee cr cs csx css scss sass less cu cuh d dart dockerfile el elm erl hrl ex exs f f03 f08 f77 f90
  f95 for fish fs fsi fsx gd gleam glsl frag vert comp hlsl wgsl metal go gradle graphql gql groovy hack haml hs lhs
  html htm hx idr ino java jl js cjs mjs jsx jsonnet libsonnet kt kts lean lisp lsp lua mak mk ml mli mll mly nim nix
  odin pas php phtml pl pm t pony pro proto ps1 psm1 psd1 pug purs py pyi pyx pxd r rmd rb rake gemspec rkt rs rst
  scala sc scm sh sml sol sql ss st star stan sv svh svelte swift tcl tex sty tf tfvars thrift ts cts mts tsx v vala
  vb vbs vhd vhdl vim vue wat x y yy l ll zig zsh md markdown mdx adoc asciidoc org ahk applescript ashx aspx au3
  bats bicep cairo cppm cshtml dhall dpr ejs erb fsti gohtml hbs handlebars hcl ixx j2 jinja jinja2 just ksh liquid
  luau mojo move nomad nu raku razor resi ru sbt slim smk sparql styl swg tmpl twig typ vba vbhtml wit xsl
  xslt
`);

/** Configuration files are learned if they are short; long ones are left out as data. */
export const settingExtensions = toWordSet(
  'json jsonc json5 yaml yml toml ini cfg conf properties xml xsd plist env-example',
);
const DATA_BYTES = 16 * 1024;

export const tableExtensions = toWordSet('csv tsv psv jsonl ndjson geojson');
export const translationExtensions = toWordSet('po pot xlf xliff arb resx');
/** Configuration files in such a folder are UI translations. */
const translationFolder = /(?:^|\/)(?:_?locales?|i18n|l10n|translations)\//i;

const codeNames = toWordSet(`
  makefile gnumakefile dockerfile containerfile jenkinsfile vagrantfile gemfile rakefile podfile fastfile brewfile
  procfile justfile build workspace meson.build meson_options.txt cmakelists.txt requirements.txt configure.ac
  makefile.am .bashrc .bash_profile .zshrc .profile .vimrc .emacs readme
`);

const lockFiles = toWordSet(`
  package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock cargo.lock poetry.lock
  pdm.lock uv.lock pipfile.lock composer.lock gemfile.lock podfile.lock package.resolved mix.lock pubspec.lock go.sum
  go.work.sum flake.lock packages.lock.json gradle.lockfile conan.lock .terraform.lock.hcl
`);

const generatedName =
  /(?:\.map|\.pb\.(?:go|cc|h|swift)|_pb2(?:_grpc)?\.pyi?|_pb\.(?:js|d\.ts)|\.g\.(?:dart|cs|ts)|\.freezed\.dart|\.designer\.(?:cs|vb)|\.generated\.\w+|\.snap|\.tsbuildinfo)$/i;
const minifiedName = /[.-]min\.(?:js|cjs|mjs|css)$/i;

const binaryExtensions = toWordSet(`
  png jpg jpeg gif bmp ico icns webp avif tif tiff psd pdf doc docx xls xlsx ppt pptx odt ods zip gz tgz bz2 xz zst 7z rar
  tar jar war ear class pyc pyo o a so dylib dll exe lib pdb wasm bin dat db sqlite sqlite3 gguf safetensors onnx pt pth
  npy npz pkl parquet h5 mp3 mp4 m4a wav ogg flac mov avi mkv webm ttf otf woff woff2 eot p12 pfx jks keystore
`);

export type NameVerdict =
  | { reason: Reason; detail?: string }
  /** Code or configuration. `limit`: a stricter size limit than usual, in bytes. */
  | { take: true; limit?: number }
  /** Unknown extension: the contents decide. */
  | { look: true };

/** Whether a path is that of a project's own text: neither vendored nor generated, and not in such a folder. */
export const isProjectPath = (path: string): boolean =>
  'take' in judgeName(path) &&
  path
    .split('/')
    .slice(0, -1)
    .every((name) => judgeFolder(name, []) === undefined);

/** Judges a file by its path alone. */
export function judgeName(path: string): NameVerdict {
  const name = fileName(path).toLowerCase();
  if (lockFiles.has(name)) return { reason: 'generated', detail: 'lock file' };
  if (generatedName.test(name)) return { reason: 'generated', detail: 'by its name' };
  if (minifiedName.test(name)) return { reason: 'minified', detail: 'by its name' };
  if (codeNames.has(name) || name.startsWith('dockerfile.')) return { take: true };
  const extension = fileExtension(name);
  if (codeExtensions.has(extension)) return { take: true };
  if (tableExtensions.has(extension)) return { reason: 'data', detail: 'data table' };
  const translated = settingExtensions.has(extension) && translationFolder.test(path);
  if (translated || translationExtensions.has(extension)) return { reason: 'data', detail: 'translations' };
  if (settingExtensions.has(extension)) return { take: true, limit: DATA_BYTES };
  if (binaryExtensions.has(extension)) return { reason: 'binary' };
  return { look: true };
}

/** The extension in lower case without the dot; empty for ".bashrc". */
export function fileExtension(path: string): string {
  const name = fileName(path).toLowerCase();
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1) : '';
}

/** Those that share most leading folders with `path` first, and of these those with its extension. Also with "\\". */
export function nearestFirst(paths: readonly string[], path: string): string[] {
  const foldersOf = (file: string) => file.split(/[\\/]/);
  const extension = (file: string) => /\.\w+$/.exec(file)?.[0];
  const own = foldersOf(path);
  const nearness = (other: string) => {
    const names = foldersOf(other);
    let shared = 0;
    while (shared < Math.min(own.length, names.length) - 1 && own[shared] === names[shared]) shared += 1;
    return shared + (extension(other) === extension(path) ? 0.5 : 0);
  };
  return paths
    .map((other) => ({ other, near: nearness(other) }))
    .sort((a, b) => b.near - a.near)
    .map(({ other }) => other);
}

export const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const skippedFolders = toWordSet('.git .hg .svn .jj .bzr _darcs CVS');
const vendoredFolders = toWordSet(`
  node_modules bower_components jspm_packages vendor _vendor vendored third_party third-party thirdparty 3rdparty
  site-packages dist-packages .venv Pods Carthage .yarn .pnpm-store .bundle eggs .eggs elm-stuff
`);
const generatedFolders = toWordSet(`
  dist .next .nuxt .output .svelte-kit .astro .angular .parcel-cache .turbo .cache __generated__ __pycache__ .tox .nox
  .mypy_cache .pytest_cache .ruff_cache .gradle .dart_tool .terraform coverage htmlcov DerivedData _build
`);
/** Folder names that denote build output only next to one of these files. */
const outputMarkers: Record<string, RegExp> = {
  target: /^(?:Cargo\.toml|pom\.xml|build\.sbt)$/,
  build:
    /^(?:build\.gradle(?:\.kts)?|pubspec\.yaml|setup\.py|pyproject\.toml|CMakeLists\.txt|package\.json)$/,
  out: /^(?:package\.json|build\.gradle(?:\.kts)?)$/,
};

/** A virtual environment can have any name; it is recognised by this file. */
export const environmentFile = 'pyvenv.cfg';

/** Folders of version control systems: not part of the workspace, so not even reported. */
export const isSkippedFolder = (name: string) => skippedFolders.has(name);

/** Why a folder is not entered, judging by its name and its siblings; undefined if it is. */
export function judgeFolder(name: string, siblings: readonly string[]): Reason | undefined {
  if (vendoredFolders.has(name)) return 'vendored';
  if (generatedFolders.has(name) || /\.egg-info$/.test(name)) return 'generated';
  const markerFiles = outputMarkers[name];
  return markerFiles && siblings.some((sibling) => markerFiles.test(sibling)) ? 'generated' : undefined;
}
