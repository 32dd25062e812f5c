/** Strings and calls that open a connection, containing a password. */
import { fill, type Draw } from '../draw.ts';
import { everything, scripts, settings } from '../languages/index.ts';
import {
  csharp,
  go,
  java,
  javascript,
  kotlin,
  php,
  python,
  ruby,
  rust,
  typescript,
} from '../languages/index.ts';
import { assigned, kindsOf, shaped, type Cell, type Language } from '../model.ts';
import { host, mixed, password, person } from '../values.ts';

/** In the user part of a URL. */
const inUrl = (draw: Draw) => encodeURIComponent(password(draw)).replaceAll("'", '%27');
const database = (draw: Draw) => draw.word();
const NAMES = [
  'connection',
  'dsn',
  'database url',
  'connection string',
  'db',
  'url',
  'uri',
  'db conn',
  'datasource',
];

/** A string under a name unrelated to passwords. */
const text = (
  value: (draw: Draw) => string,
  names = NAMES,
  languages: readonly Language[] = everything,
): Cell[] =>
  assigned(languages, {
    names,
    value,
    extents: ['alone', 'prefixed'],
    forms: (form) => !['comparison', 'ternary', 'associative entry', 'LABEL'].includes(form),
  });

const url = (scheme: string, rest: (draw: Draw) => string) =>
  text((draw) => `${scheme}://${person(draw)}:${inUrl(draw)}@${host(draw)}${rest(draw)}`);
const slash = (draw: Draw) => `/${database(draw)}`;

/** In a string separated by ";". */
const inList = (draw: Draw) => password(draw).replace(/[=;]/g, '+');

export const connections = kindsOf('connections', {
  'PostgreSQL URL': url('postgresql', (draw) => `:5432${slash(draw)}${draw.pick(['', '?sslmode=require'])}`),
  'postgres URL with a driver': url('postgresql+psycopg2', slash),
  'MySQL URL': url('mysql', (draw) => `:3306${slash(draw)}`),
  'MongoDB URL': url('mongodb+srv', (draw) => `${slash(draw)}?retryWrites=true&w=majority`),
  'MongoDB URL of several hosts': text(
    (draw) =>
      `mongodb://${person(draw)}:${inUrl(draw)}@${host(draw)}:27017,${host(draw)}:27018${slash(draw)}?replicaSet=rs0`,
  ),
  'Redis URL': text(
    (draw) =>
      `redis${draw.pick(['', 's'])}://${draw.pick(['', 'default'])}:${inUrl(draw)}@${host(draw)}:6379/${draw.between(0, 9)}`,
  ),
  'AMQP URL': url('amqp', (draw) => `:5672/${draw.word()}`),
  'SQL Server URL': url('mssql+pyodbc', (draw) => `/${draw.word()}?driver=ODBC+Driver+17+for+SQL+Server`),
  'SMTP URL': url('smtps', () => ':465'),
  'FTP URL': url('ftp', (draw) => `/${draw.word()}/${draw.word()}.csv`),
  'SFTP URL': url('sftp', slash),
  'web URL with a password': url('https', (draw) => `/${draw.word()}/api/v${draw.between(1, 3)}`),
  'proxy URL': url('http', (draw) => `:${draw.pick(['3128', '8080'])}`),
  'git URL with a token': text(
    (draw) =>
      `https://${draw.pick(['oauth2', 'x-access-token', 'deploy'])}:${mixed(draw, 32)}@git.${draw.word()}.net/${draw.word()}/${draw.word()}.git`,
  ),
  'RTSP URL of a camera': url('rtsp', (draw) => `:554/stream${draw.between(1, 9)}`),
  'LDAP URL': url('ldaps', () => ':636'),
  'ClickHouse URL': url('clickhouse', (draw) => `:9000${slash(draw)}`),
  'MQTT URL': url('mqtts', () => ':8883'),
  'JDBC with a user in the URL': text(
    (draw) =>
      `jdbc:${draw.pick(['postgresql', 'mysql', 'mariadb'])}://${host(draw)}${slash(draw)}?user=${person(draw)}&password=${inUrl(draw)}${draw.pick(['', '&ssl=true'])}`,
  ),
  'JDBC of SQL Server': text(
    (draw) =>
      `jdbc:sqlserver://${host(draw)}:1433;databaseName=${database(draw)};user=${person(draw)};password=${inList(draw)};encrypt=true`,
  ),
  'JDBC of Oracle': text(
    (draw) =>
      `jdbc:oracle:thin:${person(draw)}/${mixed(draw, 14)}@//${host(draw)}:1521/${draw.word().toUpperCase()}`,
  ),
  'ADO.NET': text(
    (draw) =>
      `${draw.pick(['Server', 'Data Source'])}=${host(draw)};${draw.pick(['Database', 'Initial Catalog'])}=${draw.capital()};${draw.pick(['User Id', 'Uid', 'User ID'])}=${person(draw)};${draw.pick(['Password', 'Pwd', 'pwd'])}=${inList(draw)};${draw.pick(['', 'TrustServerCertificate=True;'])}`,
    ['default connection', 'connection string', 'main', 'orders db'],
  ),
  ODBC: text(
    (draw) =>
      `DRIVER={ODBC Driver 17 for SQL Server};SERVER=${host(draw)};DATABASE=${database(draw)};UID=${person(draw)};PWD=${inList(draw)}`,
  ),
  'libpq keywords': text(
    (draw) =>
      `host=${host(draw)} port=5432 dbname=${database(draw)} user=${person(draw)} password=${password(draw, true)}${draw.pick(['', ' sslmode=disable'])}`,
  ),
  'DSN of Go': text(
    (draw) =>
      `${person(draw)}:${password(draw).replace(/[@/(:]/g, '-')}@tcp(${host(draw)}:3306)${slash(draw)}?parseTime=true`,
    NAMES,
    [go, ...settings, ...scripts],
  ),
  'broker list': text((draw) => `${host(draw)}:6380,password=${draw.base64(33)},ssl=True,abortConnect=False`),
  'SASL settings': text(
    (draw) =>
      `org.apache.kafka.common.security.plain.PlainLoginModule required username="${person(draw)}" password="${password(draw, true)}";`,
    ['sasl jaas config', 'jaas config'],
    [java, kotlin, ...settings.filter(({ name }) => name !== 'INI')],
  ),
  'Azure storage': text(
    (draw) =>
      `DefaultEndpointsProtocol=https;AccountName=${draw.word()};AccountKey=${draw.base64(64)};EndpointSuffix=core.windows.net`,
  ),
  'Azure service bus': text(
    (draw) =>
      `Endpoint=sb://${draw.word()}.servicebus.windows.net/;SharedAccessKeyName=${draw.pick(['RootManageSharedAccessKey', 'send'])};SharedAccessKey=${draw.base64(32)}`,
  ),
  'Azure Cosmos': text(
    (draw) =>
      `AccountEndpoint=https://${draw.word()}.documents.azure.com:443/;AccountKey=${draw.base64(64)};`,
  ),
  'Azure IoT': text(
    (draw) =>
      `HostName=${draw.word()}.azure-devices.net;DeviceId=${draw.word()};SharedAccessKey=${draw.base64(32)}`,
  ),
  'key in a query': text(
    (draw) =>
      `https://api.${draw.word()}.com/v1/${draw.word()}?${draw.pick(['api_key', 'apikey', 'access_token', 'token', 'client_secret'])}=${mixed(draw, 32)}&format=json`,
    ['url', 'endpoint', 'feed', 'source'],
  ),
  'connecting call': connectingCalls(),
});

/** Calls whose arguments are an address, a user and a password. */
function connectingCalls(): Cell[] {
  const call = (template: string) => (draw: Draw, language: Language) =>
    fill(template, draw, {
      user: language.quote(person(draw), draw),
      pw: language.quote(password(draw), draw),
      db: language.quote(database(draw), draw),
      host: host(draw),
    });
  return [
    ...shaped([java, kotlin], {
      'driver manager': call(
        'var {w} = DriverManager.getConnection("jdbc:mysql://{host}/{w}", {user}, {pw});',
      ),
      'data source': call(
        '{w}.setUrl("jdbc:postgresql://{host}/{w}");\n{w}.setUsername({user});\n{w}.setPassword({pw});',
      ),
      flyway: call(
        'Flyway.configure().dataSource("jdbc:postgresql://{host}/{w}", {user}, {pw}).load().migrate();',
      ),
    }),
    ...shaped([python], {
      psycopg: call('conn = psycopg2.connect(host="{host}", dbname={db}, user={user}, password={pw})'),
      'mysql connector': call(
        'db = mysql.connector.connect(\n    host="{host}",\n    user={user},\n    passwd={pw},\n    database={db},\n)',
      ),
      positional: call('db = MySQLdb.connect("{host}", {user}, {pw}, {db})'),
      oracle: call('connection = oracledb.connect({user}, {pw}, "{host}/{w}")'),
      'URL object': call('url = URL.create("postgresql", username={user}, password={pw}, host="{host}")'),
      ssh: call('ssh.connect("{host}", username={user}, password={pw})'),
    }),
    ...shaped([php], {
      PDO: call("$pdo = new PDO('mysql:host={host};dbname={w}', {user}, {pw});"),
      mysqli: call("$db = new mysqli('{host}', {user}, {pw}, {db});"),
      'mysqli in the old way': call("$link = mysqli_connect('{host}', {user}, {pw});"),
    }),
    ...shaped([javascript, typescript], {
      mysql2: call(
        "const pool = mysql.createPool({ host: '{host}', user: {user}, password: {pw}, database: {db} });",
      ),
      sequelize: call(
        "const sequelize = new Sequelize({db}, {user}, {pw}, { host: '{host}', dialect: 'postgres' });",
      ),
      'pg client': call(
        "const client = new Client({\n  host: '{host}',\n  user: {user},\n  password: {pw},\n});",
      ),
    }),
    ...shaped([ruby], {
      pg: call("conn = PG.connect(host: '{host}', dbname: {db}, user: {user}, password: {pw})"),
      mysql2: call("client = Mysql2::Client.new(:host => '{host}', :username => {user}, :password => {pw})"),
      sequel: call("DB = Sequel.connect(adapter: 'postgres', host: '{host}', user: {user}, password: {pw})"),
    }),
    ...shaped([csharp], {
      builder: call(
        'var b = new SqlConnectionStringBuilder { DataSource = "{host}", UserID = {user}, Password = {pw} };',
      ),
      'network credential': call('client.Credentials = new NetworkCredential({user}, {pw});'),
    }),
    ...shaped([go], {
      options: call(
        'db := pg.Connect(&pg.Options{\n\tAddr: "{host}:5432",\n\tUser: {user},\n\tPassword: {pw},\n})',
      ),
      redis: call('rdb := redis.NewClient(&redis.Options{Addr: "{host}:6379", Password: {pw}, DB: 0})'),
      'opened with text': (draw) =>
        `db, err := sql.Open("mysql", "${person(draw)}:${password(draw, true)}@tcp(${host(draw)}:3306)/${draw.word()}")`,
    }),
    ...shaped([rust], {
      options: call(
        'let options = PgConnectOptions::new()\n    .host("{host}")\n    .username({user})\n    .password({pw});',
      ),
    }),
  ];
}
