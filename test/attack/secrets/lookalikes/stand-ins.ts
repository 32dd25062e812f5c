/** Placeholders and references in place of secrets: in commands, statements, files of tools, headers and calls. */
import { Draw } from '../draw.ts';
import { commands, statements } from '../kinds/commands.ts';
import { connections } from '../kinds/connections.ts';
import { deploymentFiles } from '../kinds/deployment-files.ts';
import { headers } from '../kinds/headers.ts';
import { logins } from '../kinds/logins.ts';
import { toolFiles } from '../kinds/tool-files.ts';
import type { Kind } from '../model.ts';

const STAND_INS = [
  'changeme',
  'CHANGEME',
  'change-me',
  '<password>',
  'your_password',
  'YOUR_PASSWORD',
  'your-password-here',
  'password',
  'secret',
  'example',
  'REPLACE_ME',
  'replace-me',
  'xxxxxxxx',
  '********',
  '$DB_PASSWORD',
  '${DB_PASSWORD}',
  '${API_TOKEN}',
  '{{ db_password }}',
  '%(password)s',
  '<your-token>',
  'placeholder',
  'dummy',
  'todo',
  '<PASSWORD>',
  'my-password',
  'your-token',
  '[password]',
  '...',
  '{password}',
];

/** Kinds whose other parts are random, too, so that they would still contain a secret; and those that encode it. */
const UNFIT = new Set([
  'Authorization: Basic',
  'nginx',
  'request file',
  'data of a Secret',
  'keys of COPY',
  'Prometheus',
  'broker list',
  'AWS credentials',
  'settings of NuGet',
  'settings of WordPress',
  'database of Django',
  'database of Rails',
  'wireless network',
  'rclone',
  'user list with hashes',
  'gossip key',
  'WireGuard',
  'cipher in a properties file',
  'npmrc',
  'Docker credentials',
]);
/** Connections whose password is not part of a URL; the others are among the addresses. */
const CONNECTIONS = new Set([
  'JDBC of SQL Server',
  'ADO.NET',
  'ODBC',
  'libpq keywords',
  'SASL settings',
  'connecting call',
]);

const withStandIns = ({ name, cells }: Kind, family: string): Kind => ({
  name: `no secret: ${name}`,
  family,
  cells: cells.map((cell) => ({
    ...cell,
    write: (draw) => cell.write(new Draw(draw, (within) => within.pick(STAND_INS))),
  })),
});

export const standIns: readonly Kind[] = [
  ...[...commands, ...statements].map((kind) => ({ kind, family: 'placeholders in commands' })),
  ...[...deploymentFiles, ...toolFiles].map((kind) => ({ kind, family: 'placeholders in files' })),
  ...[...headers, ...logins, ...connections.filter(({ name }) => CONNECTIONS.has(name))].map((kind) => ({
    kind,
    family: 'placeholders in calls',
  })),
]
  .filter(({ kind }) => !UNFIT.has(kind.name))
  .map(({ kind, family }) => withStandIns(kind, family));
