/** Secrets as arguments of calls. */
import {
  csharp,
  go,
  java,
  javascript,
  kotlin,
  notebook,
  php,
  python,
  ruby,
  rust,
  swift,
  typescript,
} from '../languages/index.ts';
import { kindsOf } from '../model.ts';
import { calls } from './call-templates.ts';

const scripts = [javascript, typescript];
const snakes = [python, notebook];

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
