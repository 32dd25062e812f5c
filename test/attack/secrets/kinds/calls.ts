/** Secrets in headers of HTTP and as arguments of calls. */
import { fill, type Draw } from '../draw.ts';
import {
  csharp,
  go,
  java,
  javascript,
  json,
  kotlin,
  markdown,
  notebook,
  php,
  powershell,
  python,
  ruby,
  rust,
  swift,
  typescript,
  yaml,
} from '../languages/index.ts';
import { kindsOf, shaped, whole, type Language } from '../model.ts';
import { base64Of, host, opaqueKey, password, person } from '../values.ts';

const basic = (draw: Draw) => base64Of(`${person(draw)}:${password(draw)}`);
type Spellings = Readonly<Record<string, string>>;

/**
 * Templates with literals: {user}, {pw}, {key}, {mail}, {basic} ("Basic ..."), {bearer} ("Bearer ..."), and without
 * quotes {rawpw}, {rawkey}, {rawbasic}; {host}.
 */
function calls(...groups: readonly (readonly [readonly Language[], Spellings])[]) {
  return groups.flatMap(([languages, spellings]) =>
    shaped(
      languages,
      Object.fromEntries(
        Object.entries(spellings).map(([name, template]) => [
          name,
          (draw: Draw, language: Language) => {
            const literal = (text: string) => language.quote(text, draw);
            return fill(template, draw, {
              user: literal(person(draw)),
              mail: literal(`${draw.word()}@${draw.word()}.net`),
              pw: literal(password(draw)),
              key: literal(opaqueKey(draw)),
              basic: literal(`Basic ${basic(draw)}`),
              bearer: literal(`Bearer ${opaqueKey(draw)}`),
              rawpw: password(draw, true),
              rawkey: opaqueKey(draw),
              rawbasic: basic(draw),
              host: host(draw),
            });
          },
        ]),
      ),
    ),
  );
}

const scripts = [javascript, typescript];
const snakes = [python, notebook];

export const headers = kindsOf('HTTP', {
  'Authorization: Basic': calls(
    [
      snakes,
      {
        entry: 'headers = {"Authorization": {basic}}',
        'entry on lines':
          'requests.get(\n    "https://{host}/{w}",\n    headers={\n        "Accept": "application/json",\n        "Authorization": {basic},\n    },\n)',
        'add header': 'request.add_header("Authorization", {basic})',
      },
    ],
    [
      scripts,
      {
        entry: 'const headers = { Authorization: {basic} };',
        set: "xhr.setRequestHeader('Authorization', {basic});",
        'quoted key': "fetch('https://{host}', { headers: { 'Authorization': {basic} } });",
      },
    ],
    [
      [go],
      { set: 'req.Header.Set("Authorization", {basic})', add: 'req.Header.Add("authorization", {basic})' },
    ],
    [
      [java, kotlin],
      {
        set: 'connection.setRequestProperty("Authorization", {basic});',
        header: 'builder.header("Authorization", {basic});',
      },
    ],
    [
      [csharp],
      {
        add: 'client.DefaultRequestHeaders.Add("Authorization", {basic});',
        value: 'new AuthenticationHeaderValue("Basic", "{rawbasic}");',
      },
    ],
    [[ruby], { subscript: "request['Authorization'] = {basic}" }],
    [[php], { header: "$headers = ['Accept: */*', 'Authorization: Basic {rawbasic}'];" }],
    [[rust], { header: 'let request = client.get(url).header("Authorization", {basic});' }],
    [
      [markdown],
      { 'fenced request': '```http\nGET /{w} HTTP/1.1\nHost: {host}\nAuthorization: Basic {rawbasic}\n```' },
    ],
  ),
  'Authorization: Bearer': calls(
    [
      snakes,
      {
        entry: 'headers = {"Authorization": {bearer}}',
        update: 'session.headers.update({"authorization": {bearer}})',
        concatenated: 'headers = {"Authorization": "Bearer " + {key}}',
      },
    ],
    [
      scripts,
      {
        entry: 'const headers = { Authorization: {bearer} };',
        'on lines':
          "axios.post(url, data, {\n  headers: {\n    'Content-Type': 'application/json',\n    Authorization: {bearer},\n  },\n});",
        defaults: "axios.defaults.headers.common['Authorization'] = {bearer};",
        concatenated: "headers.set('Authorization', 'Bearer ' + {key});",
      },
    ],
    [
      [go],
      {
        set: 'req.Header.Set("Authorization", {bearer})',
        joined: 'req.Header.Set("Authorization", "Bearer "+{key})',
      },
    ],
    [
      [java, kotlin],
      {
        header: 'var request = HttpRequest.newBuilder().uri(uri).header("Authorization", {bearer}).build();',
      },
    ],
    [
      [csharp],
      { value: 'http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", {key});' },
    ],
    [[ruby], { header: "HTTParty.get(url, headers: { 'Authorization' => {bearer} })" }],
    [[php], { header: "curl_setopt($ch, CURLOPT_HTTPHEADER, ['Authorization: Bearer {rawkey}']);" }],
    [[rust], { 'bearer auth': 'let response = client.get(url).bearer_auth({key}).send().await?;' }],
    [[swift], { set: 'request.setValue({bearer}, forHTTPHeaderField: "Authorization")' }],
    [[json], { entry: '"headers": { "Authorization": "Bearer {rawkey}" }' }],
    [
      [yaml],
      {
        entry: 'headers:\n  Authorization: Bearer {rawkey}',
        quoted: 'headers:\n  - name: Authorization\n    value: "Bearer {rawkey}"',
      },
    ],
    [[powershell], { table: '$headers = @{ Authorization = "Bearer {rawkey}" }' }],
  ),
  'header with a key': calls(
    [
      snakes,
      {
        entry: 'headers = {"X-Api-Key": {key}}',
        other: 'r = requests.get(url, headers={"X-Auth-Token": {key}, "Accept": "*/*"})',
      },
    ],
    [
      scripts,
      {
        entry: "const options = { headers: { 'x-api-key': {key} } };",
        set: "headers.append('X-Auth-Token', {key});",
        subscription: "headers['Ocp-Apim-Subscription-Key'] = {key};",
      },
    ],
    [[go], { set: 'req.Header.Set("X-API-Key", {key})' }],
    [[java, kotlin], { header: 'request.addHeader("X-Auth-Token", {key});' }],
    [[csharp], { add: 'client.DefaultRequestHeaders.Add("X-Api-Key", {key});' }],
    [[ruby], { subscript: "req['X-Api-Key'] = {key}" }],
    [[php], { header: "$client->setHeader('X-Auth-Token', {key});" }],
    [[yaml], { entry: 'request:\n  headers:\n    X-Api-Key: {rawkey}' }],
    [[json], { entry: '"headers": { "x-api-key": "{rawkey}" }' }],
  ),
  'request file': whole('HTTP', ['requests/{w}.http', 'api/{w}.rest', 'docs/{w}.http'], {
    bearer: (draw) =>
      `GET https://${host(draw)}/${draw.word()}\nAccept: application/json\nAuthorization: Bearer ${opaqueKey(draw)}`,
    basic: (draw) =>
      `### ${draw.word()}\nPOST https://${host(draw)}/${draw.word()} HTTP/1.1\nAuthorization: Basic ${basic(draw)}\n\n{}`,
    'user and password': (draw) =>
      `GET https://${host(draw)}/\nAuthorization: Basic ${person(draw)} ${password(draw, true)}`,
    'key of its own': (draw) => `GET https://${host(draw)}/${draw.word()}\nX-Api-Key: ${opaqueKey(draw)}`,
    'variable of the file': (draw) =>
      `@host = ${host(draw)}\n@token = ${opaqueKey(draw)}\n\nGET https://{{host}}/\nAuthorization: Bearer {{token}}`,
    'login in JSON': (draw) =>
      `POST https://${host(draw)}/login\nContent-Type: application/json\n\n{\n  "user": "${person(draw)}",\n  "password": "${password(draw, true)}"\n}`,
  }),
  'basic auth of a client': calls(
    [
      snakes,
      {
        tuple: 'response = requests.get("https://{host}/{w}", auth=({user}, {pw}))',
        object: 'auth = HTTPBasicAuth({user}, {pw})',
        session: 'session.auth = ({user}, {pw})',
      },
    ],
    [
      scripts,
      {
        auth: "axios.get('https://{host}/{w}', { auth: { username: {user}, password: {pw} } });",
        btoa: "headers.Authorization = 'Basic ' + btoa('{w}:{rawpw}');",
        buffer: "const basic = Buffer.from('{w}:{rawpw}').toString('base64');",
      },
    ],
    [[go], { set: 'req.SetBasicAuth({user}, {pw})' }],
    [
      [java, kotlin],
      {
        credentials: 'var credentials = new UsernamePasswordCredentials({user}, {pw});',
        authentication: 'return new PasswordAuthentication({user}, {pw}.toCharArray());',
        basic: 'String value = Credentials.basic({user}, {pw});',
      },
    ],
    [[csharp], { credential: 'handler.Credentials = new NetworkCredential({user}, {pw});' }],
    [
      [ruby],
      {
        basic: 'request.basic_auth({user}, {pw})',
        faraday: 'conn.request :authorization, :basic, {user}, {pw}',
      },
    ],
    [
      [php],
      {
        auth: "$client->get($url, ['auth' => [{user}, {pw}]]);",
        option: "curl_setopt($ch, CURLOPT_USERPWD, '{w}:{rawpw}');",
      },
    ],
    [[rust], { basic: 'client.get(url).basic_auth({user}, Some({pw})).send()?;' }],
  ),
});

export const logins = kindsOf('login calls', {
  login: calls(
    [
      snakes,
      {
        method: '{w}.login({user}, {pw})',
        function: 'login({mail}, {pw})',
        'with names': '{w}.login(username={user}, password={pw})',
        'on lines': '{w}.login(\n    {user},\n    {pw},\n)',
        awaited: 'await client.login({user}, {pw})',
      },
    ],
    [
      scripts,
      {
        method: 'await {w}.login({user}, {pw});',
        object: 'await {w}.login({ username: {user}, password: {pw} });',
        function: 'login({mail}, {pw}).then(start);',
      },
    ],
    [[go], { method: 'if err := {w}.Login({user}, {pw}); err != nil {\n\treturn err\n}' }],
    [
      [java, kotlin, csharp],
      { method: '{w}.login({user}, {pw});', 'with an address': '{w}Client.Login("{host}", {user}, {pw});' },
    ],
    [[ruby], { method: '{w}.login({user}, {pw})', 'without parentheses': '{w}.login {user}, {pw}' }],
    [[php], { method: '${w}->login({user}, {pw});', function: 'ftp_login($conn, {user}, {pw});' }],
    [[rust, swift], { method: '{w}.login({user}, {pw})' }],
  ),
  authenticate: calls(
    [
      snakes,
      {
        function: 'user = authenticate(request, username={user}, password={pw})',
        method: 'client.authenticate({user}, {pw})',
      },
    ],
    [
      scripts,
      {
        method: 'const session = await auth.authenticate({user}, {pw});',
        firebase: 'signInWithEmailAndPassword(auth, {mail}, {pw});',
        'sign in': 'await supabase.auth.signInWithPassword({ email: {mail}, password: {pw} });',
      },
    ],
    [[go], { method: 'auth := smtp.PlainAuth("", {user}, {pw}, "{host}")' }],
    [
      [java, kotlin, csharp],
      { method: 'service.authenticate({user}, {pw});', token: 'new UsernamePasswordToken({user}, {pw});' },
    ],
    [[ruby], { method: '{w}.authenticate({user}, {pw})', 'sign in': 'sign_in({mail}, {pw})' }],
    [
      [php],
      {
        attempt: "Auth::attempt(['email' => {mail}, 'password' => {pw}]);",
        bind: 'ldap_bind($ldap, {user}, {pw});',
      },
    ],
  ),
  'mail and file servers': calls(
    [
      snakes,
      {
        smtp: 'server = smtplib.SMTP("{host}", 587)\nserver.starttls()\nserver.login({mail}, {pw})',
        ftp: 'ftp = FTP("{host}")\nftp.login({user}, {pw})',
        'ftp at once': 'ftp = FTP("{host}", {user}, {pw})',
        imap: 'box = imaplib.IMAP4_SSL("{host}")\nbox.login({mail}, {pw})',
        sftp: 'transport.connect(username={user}, password={pw})',
      },
    ],
    [
      scripts,
      {
        nodemailer: "nodemailer.createTransport({ host: '{host}', auth: { user: {mail}, pass: {pw} } });",
        ssh: "conn.connect({ host: '{host}', username: {user}, password: {pw} });",
      },
    ],
    [
      [java, kotlin],
      {
        jsch: 'session.setPassword({pw});\nsession.connect();',
        mail: 'Transport.send(message, {mail}, {pw});',
      },
    ],
    [[csharp], { smtp: 'smtp.Authenticate({mail}, {pw});' }],
    [[go], { ssh: 'Auth: []ssh.AuthMethod{ssh.Password({pw})},' }],
    [
      [php],
      {
        phpmailer: '$mail->Username = {mail};\n$mail->Password = {pw};',
        ssh: 'ssh2_auth_password($connection, {user}, {pw});',
      },
    ],
    [
      [ruby],
      {
        smtp: "Net::SMTP.start('{host}', 587, '{w}.net', {mail}, {pw}, :login)",
        ssh: "Net::SSH.start('{host}', {user}, password: {pw})",
      },
    ],
  ),
  'password set': calls(
    [
      snakes,
      {
        method: 'user.set_password({pw})',
        function: 'User.objects.create_user({user}, {mail}, {pw})',
        keyring: 'keyring.set_password("{w}", {user}, {pw})',
      },
    ],
    [
      scripts,
      {
        fill: "await page.fill('#password', {pw});",
        type: "cy.get('input[name=password]').type({pw});",
        method: 'await user.setPassword({pw});',
      },
    ],
    [
      [java, kotlin, csharp],
      {
        setter: '{w}.setPassword({pw});',
        'send keys': 'driver.findElement(By.id("password")).sendKeys({pw});',
      },
    ],
    [
      [ruby],
      {
        create: 'User.create!(email: {mail}, password: {pw}, password_confirmation: {pw})',
        'fill in': "fill_in 'Password', with: {pw}",
      },
    ],
    [
      [php],
      { hash: '$user->password = Hash::make({pw});', encode: 'password_hash({pw}, PASSWORD_DEFAULT);' },
    ],
    [[go], { hash: 'hash, _ := bcrypt.GenerateFromPassword([]byte({pw}), bcrypt.DefaultCost)' }],
  ),
  'key given to a cipher': calls(
    [
      snakes,
      {
        fernet: 'cipher = Fernet({key})',
        jwt: 'token = jwt.encode(claims, {key}, algorithm="HS256")',
        hmac: 'signature = hmac.new({key}.encode(), body, hashlib.sha256)',
        serializer: 'serializer = URLSafeTimedSerializer({key})',
      },
    ],
    [
      scripts,
      {
        hmac: "crypto.createHmac('sha256', {key}).update(body).digest('hex');",
        jwt: 'const token = jwt.sign(claims, {key});',
        verify: 'jwt.verify(token, {key});',
        session: 'app.use(session({ secret: {key}, resave: false }));',
        aes: 'const clear = CryptoJS.AES.decrypt(text, {key});',
      },
    ],
    [
      [java, kotlin],
      {
        spec: 'var key = new SecretKeySpec({key}.getBytes(), "AES");',
        sign: 'Jwts.builder().setSubject(name).signWith(SignatureAlgorithm.HS256, {key}).compact();',
        hmac: 'Algorithm algorithm = Algorithm.HMAC256({key});',
      },
    ],
    [
      [go],
      {
        hmac: 'mac := hmac.New(sha256.New, []byte({key}))',
        sign: 'signed, err := token.SignedString([]byte({key}))',
        store: 'var store = sessions.NewCookieStore([]byte({key}))',
      },
    ],
    [[csharp], { key: 'var key = new SymmetricSecurityKey(Encoding.UTF8.GetBytes({key}));' }],
    [[ruby], { sign: "JWT.encode(payload, {key}, 'HS256')" }],
    [
      [php],
      {
        sign: "$jwt = JWT::encode($claims, {key}, 'HS256');",
        hmac: "$signature = hash_hmac('sha256', $body, {key});",
        decrypt: "openssl_decrypt($data, 'aes-256-cbc', {key}, 0, $iv);",
      },
    ],
    [[rust], { key: 'let key = EncodingKey::from_secret({key}.as_ref());' }],
  ),
  'client with a key': calls(
    [
      snakes,
      {
        'two arguments': 'client = {W}Client(api_key={key}, region="eu")',
        credential: 'credential = AzureKeyCredential({key})',
        boto: 's3 = boto3.client("s3", aws_access_key_id=KEY_ID, aws_secret_access_key={key})',
      },
    ],
    [
      scripts,
      {
        option: "const client = new {W}({ apiKey: {key}, region: 'eu' });",
        credential: 'const credential = new AzureKeyCredential({key});',
        init: "{W}.init({ appId: '{w}', secret: {key} });",
      },
    ],
    [
      [java, kotlin],
      {
        credentials: 'var credentials = new BasicAWSCredentials(keyId, {key});',
        builder: '{W}.builder().apiKey({key}).build();',
      },
    ],
    [
      [csharp],
      {
        credential: 'var credential = new ApiKeyCredential({key});',
        client: 'var client = new SecretClient(uri, new ClientSecretCredential(tenant, id, {key}));',
      },
    ],
    [
      [go],
      {
        option: 'client := {w}.NewClient(option.WithAPIKey({key}))',
        credentials: 'creds := credentials.NewStaticCredentials(keyID, {key}, "")',
      },
    ],
    [[ruby], { option: '{W}::Client.new(access_token: {key})' }],
    [[php], { option: "$client = new {W}Client(['api_key' => {key}]);" }],
  ),
});
