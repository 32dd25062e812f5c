/** Command lines and SQL statements with a password. */
import type { Draw } from '../draw.ts';
import { command, statement } from '../hosts.ts';
import { shell } from '../languages/index.ts';
import { shellQuoted } from '../languages/quoting.ts';
import { kindsOf } from '../model.ts';
import { host, mixed, opaqueKey, password, person } from '../values.ts';

const pw = (draw: Draw) => shellQuoted(password(draw), draw);
/** Where it directly follows other characters. */
const plain = (draw: Draw) => password(draw, true);

export const commands = kindsOf('command lines', {
  PGPASSWORD: command(
    (draw) =>
      `PGPASSWORD=${pw(draw)} ${draw.pick(['psql', 'pg_dump', 'pg_restore'])} -h ${host(draw)} -U ${person(draw)} ${draw.word()}`,
  ),
  'exported PGPASSWORD': command((draw) => `export PGPASSWORD=${pw(draw)}`, [shell]),
  MYSQL_PWD: command((draw) => `MYSQL_PWD=${pw(draw)} mysqldump -u ${person(draw)} ${draw.word()}`),
  'mysql -p': command(
    (draw) =>
      `${draw.pick(['mysql', 'mysqldump', 'mysqladmin'])} -h ${host(draw)} -u${draw.pick([' ', ''])}${person(draw)} -p${pw(draw)} ${draw.word()}`,
  ),
  'mysql --password': command(
    (draw) => `mysql --user=${person(draw)} --password=${pw(draw)} ${draw.word()} < ${draw.word()}.sql`,
  ),
  'sshpass -p': command(
    (draw) =>
      `sshpass -p${draw.pick([' ', ''])}${pw(draw)} ${draw.pick(['ssh', 'scp -r dist', 'rsync -a dist'])} ${person(draw)}@${host(draw)}`,
  ),
  SSHPASS: command((draw) => `SSHPASS=${pw(draw)} sshpass -e ssh ${person(draw)}@${host(draw)}`),
  'curl -u': command(
    (draw) =>
      `curl ${draw.pick(['-s', '-fsSL', '-X POST'])} ${draw.pick(['-u ', '--user ', '-u'])}${draw.pick([`${person(draw)}:${plain(draw)}`, `"${person(draw)}:${plain(draw)}"`])} https://${host(draw)}/${draw.word()}`,
  ),
  'wget --password': command(
    (draw) =>
      `wget --user=${person(draw)} --password=${pw(draw)} https://${host(draw)}/${draw.word()}.tar.gz`,
  ),
  'docker login -p': command(
    (draw) => `docker login -u ${person(draw)} -p ${pw(draw)} registry.${draw.word()}.net`,
  ),
  'docker login by a pipe': command(
    (draw) =>
      `echo ${pw(draw)} | docker login -u ${person(draw)} --password-stdin registry.${draw.word()}.net`,
  ),
  'sudo by a pipe': command((draw) => `echo ${pw(draw)} | sudo -S systemctl restart ${draw.word()}`),
  chpasswd: command((draw) => `echo "${person(draw)}:${plain(draw)}" | chpasswd`),
  'htpasswd -b': command(
    (draw) => `htpasswd -${draw.pick(['b', 'bc', 'bB'])} /etc/nginx/.htpasswd ${person(draw)} ${pw(draw)}`,
  ),
  'mongosh -p': command(
    (draw) =>
      `${draw.pick(['mongosh', 'mongo', 'mongodump'])} --host ${host(draw)} -u ${person(draw)} -p ${pw(draw)} --authenticationDatabase admin`,
  ),
  'redis-cli -a': command((draw) => `redis-cli -h ${host(draw)} -a ${pw(draw)} ping`),
  'ldapsearch -w': command(
    (draw) =>
      `ldapsearch -x -D "cn=admin,dc=${draw.word()},dc=net" -w ${pw(draw)} -b "dc=${draw.word()},dc=net"`,
  ),
  'smbclient -U': command(
    (draw) => `smbclient //${host(draw)}/${draw.word()} -U ${person(draw)}%${plain(draw)} -c "ls"`,
  ),
  'mount of a share': command(
    (draw) =>
      `mount -t cifs //${host(draw)}/${draw.word()} /mnt/${draw.word()} -o username=${person(draw)},password=${plain(draw)}`,
  ),
  'net use': command(
    (draw) => `net use Z: \\\\${draw.word()}\\${draw.word()} ${plain(draw)} /user:${person(draw)}`,
  ),
  'openssl pass': command(
    (draw) =>
      `openssl ${draw.pick(['pkcs12 -export -in a.pem -out a.p12 -passout', 'rsa -in a.pem -out b.pem -passin', 'enc -aes-256-cbc -in a -out b -pass'])} pass:${plain(draw)}`,
  ),
  'gpg --passphrase': command((draw) => `gpg --batch --yes --passphrase ${pw(draw)} -c ${draw.word()}.tar`),
  'zip -P': command((draw) =>
    draw.pick([
      `zip -r -P ${pw(draw)} ${draw.word()}.zip ${draw.word()}`,
      `7z a -p${plain(draw)} ${draw.word()}.7z ${draw.word()}`,
    ]),
  ),
  sqlplus: command(
    (draw) =>
      `sqlplus ${person(draw)}/${mixed(draw, 13)}@${host(draw)}:1521/${draw.word().toUpperCase()} @${draw.word()}.sql`,
  ),
  'sqlcmd -P': command(
    (draw) =>
      `${draw.pick(['sqlcmd', '/opt/mssql-tools/bin/sqlcmd'])} -S ${host(draw)} -U sa -P ${pw(draw)} -i ${draw.word()}.sql`,
  ),
  'keytool -storepass': command(
    (draw) =>
      `keytool -genkey -alias ${draw.word()} -keystore ${draw.word()}.jks -storepass ${pw(draw)} -keypass ${pw(draw)}`,
  ),
  'kubectl create secret': command(
    (draw) =>
      `kubectl create secret generic ${draw.word()} --from-literal=${draw.pick(['password', 'api-key', 'db-password'])}=${pw(draw)}`,
  ),
  'helm --set': command(
    (draw) =>
      `helm upgrade --install ${draw.word()} ./chart --set ${draw.pick(['auth.password', 'postgresql.auth.password', 'global.adminPassword'])}=${pw(draw)}`,
  ),
  'az login': command(
    (draw) => `az login --service-principal -u ${draw.uuid()} -p ${pw(draw)} --tenant ${draw.uuid()}`,
  ),
  'aws configure': command((draw) => `aws configure set aws_secret_access_key ${mixed(draw, 40)}`),
  'mc alias': command(
    (draw) => `mc alias set ${draw.word()} https://${host(draw)} ${person(draw)} ${opaqueKey(draw)}`,
  ),
  'ansible -e': command(
    (draw) =>
      `ansible-playbook ${draw.word()}.yml -e "ansible_${draw.pick(['password', 'become_pass', 'ssh_pass'])}=${plain(draw)}"`,
  ),
  'lftp -u': command(
    (draw) => `lftp -u ${person(draw)},${plain(draw)} ftp://${host(draw)} -e "mirror -R dist; quit"`,
  ),
  'mosquitto -P': command(
    (draw) => `mosquitto_pub -h ${host(draw)} -u ${person(draw)} -P ${pw(draw)} -t ${draw.word()} -m on`,
  ),
  'remote desktop': command((draw) => `xfreerdp /v:${host(draw)} /u:${person(draw)} /p:${pw(draw)}`),
  'nmcli password': command((draw) => `nmcli dev wifi connect ${draw.capital()}Net password ${pw(draw)}`),
  RESTIC_PASSWORD: command((draw) => `RESTIC_PASSWORD=${pw(draw)} restic -r s3:${draw.word()} backup /srv`),
  'token header of curl': command(
    (draw) =>
      `curl -H ${draw.pick(['"Authorization: Bearer ', '"X-Api-Key: ', '"PRIVATE-TOKEN: ', '"Authorization: token '])}${opaqueKey(draw)}" https://${host(draw)}/${draw.word()}`,
  ),
  'password in a form of curl': command(
    (draw) => `curl -d "username=${person(draw)}&password=${plain(draw)}" https://${host(draw)}/login`,
  ),
  'password in JSON of curl': command(
    (draw) =>
      `curl -X POST https://${host(draw)}/login -H 'Content-Type: application/json' -d '{"user":"${person(draw)}","password":"${plain(draw)}"}'`,
  ),
  'option --password': command(
    (draw) =>
      `${draw.word()}ctl ${draw.pick(['create-user', 'init', 'login'])} --username ${person(draw)} --password${draw.pick([' ', '='])}${pw(draw)}`,
  ),
  'option --token': command(
    (draw) =>
      `${draw.word()}ctl ${draw.pick(['push', 'login', 'deploy'])} --${draw.pick(['token', 'api-key', 'secret', 'access-token'])}${draw.pick([' ', '='])}${opaqueKey(draw)}`,
  ),
});

/** An SQL literal. */
const literal = (draw: Draw) => `'${password(draw)}'`;
const role = (draw: Draw) => draw.pick([person(draw), `"${person(draw)}"`, draw.word()]);
const account = (draw: Draw) =>
  draw
    .pick([`'${person(draw)}'@'%'`, `'${person(draw)}'@'localhost'`, `\`${person(draw)}\`@\`%\``])
    .replaceAll('`', "'");

export const statements = kindsOf('SQL', {
  'IDENTIFIED BY': statement(
    (draw) =>
      `${draw.pick(['CREATE USER', 'ALTER USER', 'create user'])} ${account(draw)} ${draw.pick(['IDENTIFIED BY', 'identified by'])} ${literal(draw)}`,
  ),
  'IDENTIFIED WITH a plugin': statement(
    (draw) => `ALTER USER ${account(draw)} IDENTIFIED WITH mysql_native_password BY ${literal(draw)}`,
  ),
  'GRANT ... IDENTIFIED BY': statement(
    (draw) => `GRANT ALL PRIVILEGES ON ${draw.word()}.* TO ${account(draw)} IDENTIFIED BY ${literal(draw)}`,
  ),
  'IDENTIFIED BY of Oracle': statement(
    (draw) => `CREATE USER ${person(draw)} IDENTIFIED BY ${draw.pick([`"${plain(draw)}"`, mixed(draw, 12)])}`,
  ),
  'CREATE ROLE': statement(
    (draw) =>
      `CREATE ROLE ${role(draw)} WITH LOGIN ${draw.pick(['', 'SUPERUSER ', 'ENCRYPTED '])}PASSWORD ${literal(draw)}`,
  ),
  'ALTER ROLE': statement(
    (draw) =>
      `${draw.pick(['ALTER ROLE', 'ALTER USER', 'alter role'])} ${role(draw)} ${draw.pick(['', 'WITH '])}PASSWORD ${literal(draw)}`,
  ),
  'CREATE LOGIN': statement(
    (draw) =>
      `${draw.pick(['CREATE', 'ALTER'])} LOGIN [${person(draw)}] WITH PASSWORD = ${draw.pick(['', 'N'])}${literal(draw)}`,
  ),
  'SET PASSWORD': statement(
    (draw) =>
      `SET PASSWORD FOR ${account(draw)} = ${draw.pick([literal(draw), `PASSWORD(${literal(draw)})`])}`,
  ),
  'CREATE USER MAPPING': statement(
    (draw) =>
      `CREATE USER MAPPING FOR ${person(draw)} SERVER ${draw.word()} OPTIONS (user '${person(draw)}', password ${literal(draw)})`,
  ),
  'CREATE SUBSCRIPTION': statement(
    (draw) =>
      `CREATE SUBSCRIPTION ${draw.word()} CONNECTION 'host=${host(draw)} dbname=${draw.word()} user=${person(draw)} password=${plain(draw)}' PUBLICATION ${draw.word()}`,
  ),
  'CHANGE MASTER': statement(
    (draw) =>
      `CHANGE ${draw.pick(["MASTER TO MASTER_HOST='", "REPLICATION SOURCE TO SOURCE_HOST='"])}${host(draw)}', ${draw.pick(['MASTER', 'SOURCE'])}_USER='${person(draw)}', ${draw.pick(['MASTER', 'SOURCE'])}_PASSWORD=${literal(draw)}`,
  ),
  'CREATE CREDENTIAL': statement(
    (draw) =>
      `CREATE ${draw.pick(['', 'DATABASE SCOPED '])}CREDENTIAL ${draw.word()} WITH IDENTITY = '${person(draw)}', SECRET = '${opaqueKey(draw)}'`,
  ),
  'CREATE DATABASE LINK': statement(
    (draw) =>
      `CREATE DATABASE LINK ${draw.word()} CONNECT TO ${person(draw)} IDENTIFIED BY "${plain(draw)}" USING '${draw.word()}'`,
  ),
  dblink: statement(
    (draw) =>
      `SELECT dblink_connect('host=${host(draw)} user=${person(draw)} password=${plain(draw)} dbname=${draw.word()}')`,
  ),
  'password of a user inserted': statement(
    (draw) =>
      `INSERT INTO users (name, email, password) VALUES ('${person(draw)}', '${draw.word()}@${draw.word()}.net', ${literal(draw)})`,
  ),
  'password hashed on the way': statement(
    (draw) =>
      `INSERT INTO users (login, password_hash) VALUES ('${person(draw)}', crypt(${literal(draw)}, gen_salt('bf')))`,
  ),
  'key of a cipher': statement(
    (draw) =>
      `SELECT ${draw.pick(['pgp_sym_decrypt(card, ', 'AES_DECRYPT(card, '])}'${opaqueKey(draw)}') FROM ${draw.word()}s`,
  ),
  'keys of COPY': statement(
    (draw) =>
      `COPY ${draw.word()}s FROM 's3://${draw.word()}/' CREDENTIALS 'aws_access_key_id=${'AK' + 'IA'}${draw.chars(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')};aws_secret_access_key=${mixed(draw, 40)}'`,
  ),
});
