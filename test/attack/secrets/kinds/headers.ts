/** Secrets in HTTP headers. */
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
import { kindsOf, whole } from '../model.ts';
import { host, opaqueKey, password, person } from '../values.ts';
import { basic, calls } from './call-templates.ts';

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
