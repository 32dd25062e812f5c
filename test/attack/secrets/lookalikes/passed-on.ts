/** Code and commands that handle a secret without containing one. */
import { fill } from '../draw.ts';
import {
  c,
  csharp,
  dockerfile,
  go,
  java,
  javascript,
  kotlin,
  markdown,
  notebook,
  php,
  python,
  ruby,
  rust,
  shell,
  typescript,
  yaml,
} from '../languages/index.ts';
import { kindsOf, shaped } from '../model.ts';

export const passedOn = kindsOf('references', {
  'argument passed on': [
    ...shaped([python, notebook], {
      call: (draw) =>
        fill('{w}.login(username, password)\n{w} = {W}Client(api_key=api_key, token=self.token)', draw),
      'called with settings': (draw) =>
        fill(
          'conn = psycopg2.connect(host=settings.HOST, user=settings.USER, password=settings.PASSWORD)',
          draw,
        ),
      format: () => 'url = f"postgresql://{user}:{password}@{host}/{database}"',
      percent: () => 'dsn = "host=%s user=%s password=%s" % (host, user, password)',
    }),
    ...shaped([javascript, typescript], {
      call: (draw) =>
        fill(
          'await {w}.login(user.email, form.password);\nconst {w} = new {W}({ apiKey, token: this.token });',
          draw,
        ),
      template: () => 'const url = `mysql://${user}:${password}@${host}/${database}`;',
      header: () => 'headers.Authorization = `Bearer ${accessToken}`;',
      basic: () => "const auth = 'Basic ' + btoa(user + ':' + password);",
      destructured: () => 'const { username, password, token } = request.body;',
    }),
    ...shaped([java, kotlin, csharp], {
      call: (draw) =>
        fill(
          'var connection = DriverManager.getConnection(url, user, password);\n{w}.setPassword(properties.getPassword());',
          draw,
        ),
      concatenated: () => 'request.setHeader("Authorization", "Bearer " + token);',
      compared: () => 'if (!encoder.matches(password, user.getPasswordHash())) return null;',
    }),
    ...shaped([go], {
      call: (draw) => fill('client, err := {w}.Login(ctx, username, password)', draw),
      format: () => 'dsn := fmt.Sprintf("%s:%s@tcp(%s:3306)/%s", user, password, host, name)',
      header: () => 'req.Header.Set("Authorization", "Bearer "+token)',
    }),
    ...shaped([php], {
      call: () => '$pdo = new PDO($dsn, $user, $password);',
      header: () => '$headers[] = "Authorization: Bearer {$token}";',
      compared: () => 'if (password_verify($password, $user->password)) {\n    return true;\n}',
    }),
    ...shaped([ruby], {
      call: (draw) => fill('{w}.login(params[:email], params[:password])', draw),
      text: () => 'url = "amqp://#{user}:#{password}@#{host}"',
      header: () => 'request["Authorization"] = "Bearer #{token}"',
    }),
    ...shaped([rust], {
      call: (draw) => fill('let client = {W}::new(&config.api_key, config.token.as_deref());', draw),
      format: () => 'let url = format!("postgres://{user}:{password}@{host}/{name}");',
    }),
    ...shaped([c], {
      call: () => 'rc = mysql_real_connect(conn, host, user, password, database, port, NULL, 0);',
      format: () => 'snprintf(auth, sizeof(auth), "%s:%s", user, password);',
    }),
  ],
  'command without a secret': [
    ...shaped([shell], {
      'variable as argument': (draw) =>
        draw.pick([
          'PGPASSWORD="$DB_PASSWORD" psql -h "$DB_HOST" -U app',
          'curl -u "$USER:$PASS" https://api.acme.internal/status',
          'mysql -u root -p"$MYSQL_ROOT_PASSWORD" app < dump.sql',
          'docker login -u ci -p "${REGISTRY_TOKEN}" registry.acme.internal',
          'sshpass -p "$SSH_PASSWORD" ssh deploy@db.internal',
          'redis-cli -a $REDIS_PASSWORD ping',
          'curl -H "Authorization: Bearer $TOKEN" https://api.acme.internal',
        ]),
      'asked for': (draw) =>
        draw.pick([
          'mysql -u root -p app',
          'read -s -p "Password: " password',
          'mysqldump -u backup -p --databases shop',
          'docker login --password-stdin < token.txt',
          'sshpass -e ssh deploy@db.internal',
          'psql -W -U admin shop',
          'curl -n https://api.acme.internal',
          'sshpass -f /run/secrets/ssh ssh deploy@host',
        ]),
      'other options': (draw) =>
        fill(
          draw.pick([
            'mkdir -p build/{w}/{w}',
            'cp -p {w}.conf /etc/{w}.conf',
            'ssh -p 2222 deploy@{w}.internal',
            'docker run -p {port}:80 acme/{w}',
            'psql -p 5433 -U {w}',
            'ps -p $$ -o comm=',
            'tar -xpf {w}.tar',
            'sqlcmd -S {w} -E -i {w}.sql',
            'rsync -avzP {w}/ {w}.internal:/srv/',
            'unzip -p {w}.zip {w}.txt',
            'zip -r {w}.zip {w}',
            'install -m 600 -o {w} {w}.key /etc/{w}/',
          ]),
          draw,
        ),
    }),
    ...shaped([dockerfile], {
      argument: (draw) => fill('ARG NPM_TOKEN\nRUN --mount=type=secret,id={w} npm ci', draw),
      'from a variable': () => 'ENV DB_PASSWORD=$DB_PASSWORD',
      'with a mount': () => 'RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci',
    }),
    ...shaped([yaml], {
      'password of a pipe': () =>
        '      - run: echo "${{ secrets.REGISTRY_TOKEN }}" | docker login -u ci --password-stdin',
      'with a secret': () =>
        '      - uses: docker/login-action@v3\n        with:\n          username: ${{ vars.USER }}\n          password: ${{ secrets.TOKEN }}',
      'variable of the job': () => 'script:\n  - mysql -u root -p"$MYSQL_ROOT_PASSWORD" -e "SELECT 1"',
    }),
    ...shaped([markdown], {
      usage: () => 'Usage: `client --user <user> --password <password>`, or `-p` to be asked.',
      fenced: () =>
        '```sh\nexport API_TOKEN=$(pass show api)\ncurl -u "$USER:$API_TOKEN" https://api.acme.internal\n```',
    }),
  ],
});
