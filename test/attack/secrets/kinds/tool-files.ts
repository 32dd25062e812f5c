/** Files of tools that contain passwords: in home directories, builds and servers. */
import { fill, type Draw } from '../draw.ts';
import { kindsOf, whole } from '../model.ts';
import { base64Of, cipherKey, host, mixed, opaqueKey, password, person } from '../values.ts';

const pw = (draw: Draw) => password(draw, true);
const key = opaqueKey;

export const toolFiles = kindsOf('files of tools', {
  'settings of Maven': whole('XML', ['settings.xml', '.m2/settings.xml', 'ci/maven-settings.xml'], {
    server: (draw) =>
      fill(
        `<settings>\n  <servers>\n    <server>\n      <id>{w}</id>\n      <username>{who}</username>\n      <password>{pw}</password>\n    </server>\n  </servers>\n</settings>`,
        draw,
        { who: person(draw), pw: pw(draw) },
      ),
    proxy: (draw) =>
      fill(
        `<settings>\n  <proxies>\n    <proxy>\n      <host>{w}.internal</host>\n      <port>{port}</port>\n      <username>{who}</username>\n      <password>{pw}</password>\n    </proxy>\n  </proxies>\n</settings>`,
        draw,
        { who: person(draw), pw: pw(draw) },
      ),
    passphrase: (draw) =>
      fill(
        `<settings>\n  <servers>\n    <server>\n      <id>gpg</id>\n      <passphrase>{pw}</passphrase>\n    </server>\n  </servers>\n</settings>`,
        draw,
        { pw: pw(draw) },
      ),
  }),
  npmrc: whole('INI', ['ci/npmrc', 'docker/{w}.npmrc'], {
    'token of a registry': (draw) =>
      `registry=https://npm.${draw.word()}.net/\n//npm.${draw.word()}.net/:_authToken=${draw.pick([() => draw.uuid(), () => mixed(draw, 36)])()}`,
    _auth: (draw) =>
      `//npm.${draw.word()}.net/:_auth=${base64Of(`${person(draw)}:${pw(draw)}`)}\nalways-auth=true`,
    _password: (draw) =>
      `//npm.${draw.word()}.net/:username=${person(draw)}\n//npm.${draw.word()}.net/:_password=${base64Of(pw(draw))}`,
  }),
  yarnrc: whole('YAML', ['.yarnrc.yml', 'ci/yarnrc.yml'], {
    token: (draw) =>
      `npmScopes:\n  ${draw.word()}:\n    npmRegistryServer: "https://npm.${draw.word()}.net"\n    npmAuthToken: ${mixed(draw, 36)}`,
    ident: (draw) => `nodeLinker: node-modules\nnpmAuthIdent: "${person(draw)}:${pw(draw)}"`,
  }),
  pypirc: whole('INI', ['ci/pypirc', 'docker/{w}.pypirc', 'setup/pypirc.ini'], {
    password: (draw) =>
      `[distutils]\nindex-servers =\n    ${draw.word()}\n\n[${draw.word()}]\nrepository = https://pypi.${draw.word()}.net/\nusername = ${person(draw)}\npassword = ${pw(draw)}`,
    'index with a password': (draw) =>
      `[global]\nindex-url = https://${person(draw)}:${pw(draw)}@pypi.${draw.word()}.net/simple\ntimeout = 60`,
  }),
  netrc: whole('netrc', ['ci/netrc', 'docker/netrc.txt', '{w}.netrc'], {
    'on one line': (draw) => `machine ${host(draw)} login ${person(draw)} password ${pw(draw)}`,
    'on lines': (draw) => `machine ${host(draw)}\n  login ${person(draw)}\n  password ${pw(draw)}\n`,
    default: (draw) =>
      `machine ${host(draw)} login ${person(draw)} password ${pw(draw)}\ndefault login anonymous password ${pw(draw)}`,
  }),
  pgpass: whole('pgpass', ['ci/pgpass', 'docker/{w}.pgpass'], {
    'one line': (draw) => `${host(draw)}:5432:${draw.word()}:${person(draw)}:${pw(draw)}`,
    'several lines': (draw) =>
      `# host:port:database:user:password\n${host(draw)}:5432:*:${person(draw)}:${pw(draw)}\n${host(draw)}:5433:${draw.word()}:${person(draw)}:${pw(draw)}`,
  }),
  'my.cnf': whole('INI', ['etc/my.cnf', 'docker/client.cnf'], {
    client: (draw) => `[client]\nuser = ${person(draw)}\npassword = ${pw(draw)}\nhost = ${host(draw)}`,
    'no spaces': (draw) => `[mysqldump]\nuser=${person(draw)}\npassword=${pw(draw)}`,
  }),
  'AWS credentials': whole('INI', ['aws/credentials.ini', 'docker/aws-credentials'], {
    profile: (draw) =>
      `[default]\naws_access_key_id = ${'AK' + 'IA'}${draw.chars(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}\naws_secret_access_key = ${mixed(draw, 40)}\nregion = eu-west-1`,
    'only the secret': (draw) => `[${draw.word()}]\naws_secret_access_key=${draw.base64(30)}`,
    session: (draw) => `[${draw.word()}]\naws_session_token = ${draw.base64(210)}`,
  }),
  'Docker credentials': whole('JSON', ['docker/config.json', 'ci/dockerconfig.json'], {
    auth: (draw) =>
      `{\n  "auths": {\n    "registry.${draw.word()}.net": {\n      "auth": "${base64Of(`${person(draw)}:${pw(draw)}`)}"\n    }\n  }\n}`,
    password: (draw) =>
      `{ "auths": { "registry.${draw.word()}.net": { "username": "${person(draw)}", "password": "${pw(draw)}" } } }`,
    'identity token': (draw) =>
      `{ "auths": { "${draw.word()}.azurecr.io": { "identitytoken": "${mixed(draw, 60)}" } } }`,
  }),
  'settings of NuGet': whole('XML', ['NuGet.config', 'nuget.config'], {
    'clear text': (draw) =>
      `<configuration>\n  <packageSourceCredentials>\n    <Acme>\n      <add key="Username" value="${person(draw)}" />\n      <add key="ClearTextPassword" value="${pw(draw)}" />\n    </Acme>\n  </packageSourceCredentials>\n</configuration>`,
    'API key': (draw) =>
      `<configuration>\n  <apikeys>\n    <add key="https://nuget.${draw.word()}.net" value="${draw.base64(48)}" />\n  </apikeys>\n</configuration>`,
  }),
  'settings of Gradle': whole('properties', ['gradle.properties', 'ci/gradle.properties'], {
    'signing password': (draw) =>
      `org.gradle.jvmargs=-Xmx2g\nsigning.keyId=${draw.hex(8).toUpperCase()}\nsigning.password=${pw(draw)}`,
    'repository password': (draw) =>
      `${draw.word()}Username=${person(draw)}\n${draw.word()}Password=${pw(draw)}`,
  }),
  'credentials of Composer': whole('JSON', ['auth.json', 'php/auth.json'], {
    'http-basic': (draw) =>
      `{ "http-basic": { "repo.${draw.word()}.net": { "username": "${person(draw)}", "password": "${key(draw)}" } } }`,
    bearer: (draw) => `{\n  "bearer": {\n    "repo.${draw.word()}.net": "${key(draw)}"\n  }\n}`,
  }),
  'users of Tomcat': whole('XML', ['conf/tomcat-users.xml'], {
    user: (draw) =>
      `<tomcat-users>\n  <role rolename="manager-gui"/>\n  <user username="${person(draw)}" password="${pw(draw)}" roles="manager-gui"/>\n</tomcat-users>`,
  }),
  'settings of WordPress': whole('PHP', ['wp-config.php'], {
    password: (draw) =>
      `<?php\ndefine( 'DB_NAME', '${draw.word()}' );\ndefine( 'DB_USER', '${person(draw)}' );\ndefine( 'DB_PASSWORD', '${password(draw)}' );\ndefine( 'DB_HOST', 'localhost' );`,
    keys: (draw) =>
      `<?php\n$table_prefix = 'wp_';\ndefine('AUTH_KEY',         '${draw.chars(64, KEY_CHARS)}');\ndefine('SECURE_AUTH_KEY',  '${draw.chars(64, KEY_CHARS)}');`,
  }),
  'database of Django': whole('Python', ['{w}/settings.py', 'config/settings/production.py'], {
    DATABASES: (draw) =>
      `DATABASES = {\n    'default': {\n        'ENGINE': 'django.db.backends.postgresql',\n        'NAME': '${draw.word()}',\n        'USER': '${person(draw)}',\n        'PASSWORD': '${password(draw)}',\n        'HOST': '${host(draw)}',\n    }\n}`,
    SECRET_KEY: (draw) =>
      `DEBUG = False\nSECRET_KEY = '${draw.chars(50, 'abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)')}'\nALLOWED_HOSTS = ['${draw.word()}.net']`,
  }),
  'database of Rails': whole('YAML', ['config/database.yml', 'config/secrets.yml'], {
    production: (draw) =>
      `production:\n  adapter: postgresql\n  database: ${draw.word()}\n  username: ${person(draw)}\n  password: ${pw(draw)}\n  host: ${host(draw)}`,
    'secret key base': (draw) => `production:\n  secret_key_base: ${draw.hex(128)}`,
  }),
  'connection of Hibernate': whole(
    'XML',
    ['src/main/resources/hibernate.cfg.xml', 'META-INF/persistence.xml'],
    {
      property: (draw) =>
        `<hibernate-configuration>\n  <session-factory>\n    <property name="hibernate.connection.username">${person(draw)}</property>\n    <property name="hibernate.connection.password">${pw(draw)}</property>\n  </session-factory>\n</hibernate-configuration>`,
      'JPA property': (draw) =>
        `<persistence>\n  <properties>\n    <property name="javax.persistence.jdbc.user" value="${person(draw)}"/>\n    <property name="javax.persistence.jdbc.password" value="${pw(draw)}"/>\n  </properties>\n</persistence>`,
    },
  ),
  'settings of ASP.NET': whole('JSON', ['appsettings.json', 'src/{W}/appsettings.Production.json'], {
    'connection string': (draw) =>
      `{\n  "ConnectionStrings": {\n    "Default": "Server=${host(draw)};Database=${draw.capital()};User Id=${person(draw)};Password=${pw(draw)};"\n  }\n}`,
    'key of JWT': (draw) =>
      `{\n  "Jwt": {\n    "Issuer": "${draw.word()}",\n    "Key": "${key(draw)}"\n  }\n}`,
    smtp: (draw) =>
      `{ "Smtp": { "Host": "${host(draw)}", "User": "${person(draw)}", "Password": "${pw(draw)}" } }`,
  }),
  'unit of systemd': whole('INI', ['etc/systemd/{w}.service', 'deploy/{w}.service'], {
    environment: (draw) =>
      `[Unit]\nDescription=${draw.capital()}\n\n[Service]\nEnvironment="DB_PASSWORD=${pw(draw)}"\nExecStart=/usr/bin/${draw.word()}`,
    'without quotes': (draw) =>
      `[Service]\nEnvironment=API_TOKEN=${mixed(draw, 40)}\nExecStart=/usr/bin/${draw.word()}\n\n[Install]\nWantedBy=multi-user.target`,
  }),
  'wireless network': whole('wpa_supplicant', ['etc/wpa_supplicant.conf', 'firmware/wifi.conf'], {
    psk: (draw) =>
      `network={\n    ssid="${draw.capital()}Net"\n    psk="${pw(draw)}"\n    key_mgmt=WPA-PSK\n}`,
    'hashed psk': (draw) => `network={\n    ssid="${draw.capital()}"\n    psk=${draw.hex(64)}\n}`,
  }),
  'mail client': whole('msmtp', ['etc/msmtprc', 'config/muttrc', 'config/{w}.fetchmailrc'], {
    msmtp: (draw) =>
      `account ${draw.word()}\nhost ${host(draw)}\nfrom ${draw.word()}@${draw.word()}.net\nuser ${person(draw)}\npassword ${pw(draw)}`,
    mutt: (draw) =>
      `set imap_user = "${person(draw)}"\nset imap_pass = "${pw(draw)}"\nset folder = "imaps://${host(draw)}"`,
    fetchmail: (draw) =>
      `poll ${host(draw)} proto imap user "${person(draw)}" password "${pw(draw)}" is ${draw.word()} here`,
  }),
  'secrets of IPsec': whole('IPsec', ['etc/ipsec.secrets.conf', 'vpn/ipsec.secrets.txt'], {
    PSK: (draw) => `${host(draw)} ${host(draw)} : PSK "${key(draw)}"`,
    XAUTH: (draw) => `${person(draw)} : XAUTH "${pw(draw)}"\n${person(draw)} : EAP "${pw(draw)}"`,
  }),
  rclone: whole('INI', ['config/rclone.conf'], {
    's3 keys': (draw) =>
      `[${draw.word()}]\ntype = s3\naccess_key_id = ${mixed(draw, 20)}\nsecret_access_key = ${mixed(draw, 40)}`,
    pass: (draw) =>
      `[${draw.word()}]\ntype = sftp\nhost = ${host(draw)}\nuser = ${person(draw)}\npass = ${draw.base64url(30)}`,
  }),
  redis: whole('Redis', ['etc/redis.conf', 'docker/redis.conf'], {
    requirepass: (draw) => `bind 0.0.0.0\nport 6379\nrequirepass ${pw(draw)}\nmaxmemory 256mb`,
    masterauth: (draw) => `replicaof ${host(draw)} 6379\nmasterauth ${pw(draw)}`,
    user: (draw) => `user ${person(draw)} on >${pw(draw)} ~* +@all`,
  }),
  nginx: whole('nginx', ['etc/nginx/{w}.conf', 'docker/nginx.conf'], {
    'basic header': (draw) =>
      `location /${draw.word()} {\n    proxy_pass http://${host(draw)};\n    proxy_set_header Authorization "Basic ${base64Of(`${person(draw)}:${pw(draw)}`)}";\n}`,
    'bearer header': (draw) => `location / {\n    proxy_set_header Authorization "Bearer ${key(draw)}";\n}`,
  }),
  'users of HAProxy': whole('HAProxy', ['etc/haproxy.cfg'], {
    userlist: (draw) =>
      `userlist ${draw.word()}\n  user ${person(draw)} insecure-password ${pw(draw)}\n\nfrontend ${draw.word()}\n  bind *:80`,
    'stats auth': (draw) =>
      `listen stats\n  bind *:8404\n  stats enable\n  stats auth ${person(draw)}:${pw(draw)}`,
  }),
  'router configuration': whole('Cisco', ['network/{w}.cfg', 'routers/{w}.conf'], {
    'enable secret': (draw) => `hostname ${draw.word()}\nenable secret 0 ${pw(draw)}\ninterface Gi0/1`,
    'user with a password': (draw) =>
      `username ${person(draw)} privilege 15 password 0 ${pw(draw)}\nline vty 0 4\n login local`,
    'SNMP community': (draw) => `snmp-server community ${mixed(draw, 14)} RW\nntp server 10.0.0.1`,
  }),
  'user list with hashes': whole('shadow', ['etc/{w}.shadow.txt', 'docker/users.htpasswd.txt'], {
    shadow: (draw) =>
      `${person(draw)}:$6$${mixed(draw, 16)}$${draw.chars(86, CRYPT_CHARS)}:19${draw.digits(3)}:0:99999:7:::`,
    bcrypt: (draw) => `${person(draw)}:$2y$10$${draw.chars(53, CRYPT_CHARS)}`,
    apr1: (draw) => `${person(draw)}:$apr1$${mixed(draw, 8)}$${draw.chars(22, CRYPT_CHARS)}`,
  }),
  Postman: whole('JSON', ['postman/{w}.postman_environment.json', 'api/{w}.json'], {
    variable: (draw) =>
      `{\n  "name": "${draw.word()}",\n  "values": [\n    { "key": "base_url", "value": "https://${host(draw)}" },\n    { "key": "${draw.pick(['password', 'client_secret', 'api_key'])}", "value": "${key(draw)}", "type": "secret" }\n  ]\n}`,
    'basic auth': (draw) =>
      `{ "auth": { "type": "basic", "basic": [ { "key": "password", "value": "${pw(draw)}", "type": "string" }, { "key": "username", "value": "${person(draw)}" } ] } }`,
    bearer: (draw) =>
      `{ "auth": { "type": "bearer", "bearer": [ { "key": "token", "value": "${key(draw)}", "type": "string" } ] } }`,
  }),
  Jenkins: whole('XML', ['jenkins/credentials.xml'], {
    password: (draw) =>
      `<com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl>\n  <id>${draw.word()}</id>\n  <username>${person(draw)}</username>\n  <password>${pw(draw)}</password>\n</com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl>`,
    secret: (draw) =>
      `<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>\n  <id>${draw.word()}</id>\n  <secret>${key(draw)}</secret>\n</org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>`,
  }),
  'gossip key': whole('JSON', ['consul/{w}.json', 'etc/consul.json'], {
    encrypt: (draw) =>
      `{\n  "datacenter": "${draw.word()}",\n  "encrypt": "${draw.base64(32)}",\n  "server": true\n}`,
    token: (draw) => `{ "acl": { "tokens": { "master": "${draw.uuid()}", "agent": "${draw.uuid()}" } } }`,
  }),
  WireGuard: whole('INI', ['vpn/wg0.conf', 'etc/wireguard/{w}.conf'], {
    interface: (draw) =>
      `[Interface]\nAddress = 10.0.0.2/24\nPrivateKey = ${draw.base64(32)}\n\n[Peer]\nPublicKey = ${draw.base64(32)}\nEndpoint = ${host(draw)}:51820`,
    'shared key': (draw) =>
      `[Peer]\nPublicKey = ${draw.base64(32)}\nPresharedKey = ${draw.base64(32)}\nAllowedIPs = 10.0.0.0/24`,
  }),
  sbt: whole('Scala', ['build.sbt', 'project/publish.sbt'], {
    credentials: (draw) =>
      `ThisBuild / version := "1.0.0"\ncredentials += Credentials("Sonatype Nexus", "nexus.${draw.word()}.net", "${person(draw)}", "${password(draw).replaceAll('\\', '')}")`,
  }),
  'cipher in a properties file': whole('properties', ['src/main/resources/crypto.properties'], {
    'AES key': (draw) => `cipher.algorithm=AES/GCM/NoPadding\ncipher.secretKey=${cipherKey(draw)}`,
  }),
});

const KEY_CHARS =
  'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#%^&*()-_ []{}<>~+=,.;:/?|';
const CRYPT_CHARS = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
