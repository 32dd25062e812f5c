/** Deployment files: clusters, containers, pipelines, infrastructure as code. */
import type { Draw } from '../draw.ts';
import { kindsOf, whole } from '../model.ts';
import { base64Of, host, mixed, opaqueKey, password, person } from '../values.ts';

const pw = (draw: Draw) => password(draw, true);
const key = opaqueKey;
const quoted = (draw: Draw, text: string) => draw.pick([text, `"${text}"`, `'${text}'`]);
const variable = (draw: Draw) =>
  draw.pick([
    'DB_PASSWORD',
    'POSTGRES_PASSWORD',
    'REDIS_PASSWORD',
    'API_TOKEN',
    'JWT_SECRET',
    'SMTP_PASS',
    'ADMIN_PASSWORD',
  ]);

const DEPLOYMENTS = [
  'k8s/{w}.yaml',
  'deploy/{w}-deployment.yml',
  'charts/{w}/templates/{w}.yaml',
  'manifests/{w}.yaml',
];
const PIPELINES = ['.github/workflows/{w}.yml', '.gitlab-ci.yml', 'ci/{w}.yml', 'azure-pipelines.yml'];

const secretOf = (body: string) => (draw: Draw) =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${draw.word()}\ntype: Opaque\n${body}`;

export const deploymentFiles = kindsOf('files of deployments', {
  'name and value of Kubernetes': whole('YAML', DEPLOYMENTS, {
    'on lines': (draw) =>
      `apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - name: ${draw.word()}\n          image: acme/${draw.word()}:1.2.0\n          env:\n            - name: REGION\n              value: eu-west-1\n            - name: ${variable(draw)}\n              value: ${quoted(draw, pw(draw))}`,
    'on one line': (draw) =>
      `env:\n  - { name: PORT, value: "8080" }\n  - { name: ${variable(draw)}, value: "${pw(draw)}" }`,
    'value first': (draw) =>
      `containers:\n- image: acme/${draw.word()}\n  env:\n  - value: ${quoted(draw, pw(draw))}\n    name: ${variable(draw)}`,
    'with a comment between': (draw) =>
      `env:\n- name: ${variable(draw)}\n  # of the ${draw.word()}\n  value: ${quoted(draw, pw(draw))}`,
  }),
  'name and value in JSON': whole('JSON', ['ecs/{w}.json', 'tasks/{w}-task.json'], {
    'task definition': (draw) =>
      `{\n  "family": "${draw.word()}",\n  "containerDefinitions": [\n    {\n      "environment": [\n        { "name": "REGION", "value": "eu-west-1" },\n        { "name": "${variable(draw)}", "value": "${pw(draw)}" }\n      ]\n    }\n  ]\n}`,
    'on lines': (draw) =>
      `{\n  "environment": [\n    {\n      "name": "${variable(draw)}",\n      "value": "${pw(draw)}"\n    }\n  ]\n}`,
    'parameters of CloudFormation': (draw) =>
      `[\n  {\n    "ParameterKey": "DBPassword",\n    "ParameterValue": "${pw(draw)}"\n  }\n]`,
  }),
  'data of a Secret': whole('YAML', DEPLOYMENTS, {
    password: (draw) =>
      secretOf(`data:\n  username: ${base64Of(person(draw))}\n  password: ${base64Of(password(draw))}`)(draw),
    'other names': (draw) =>
      secretOf(
        `data:\n  ${draw.pick(['url', 'config', 'redis', 'value'])}: ${base64Of(`redis://:${pw(draw)}@${host(draw)}:6379`)}`,
      )(draw),
    'JSON within': (draw) =>
      secretOf(
        `data:\n  .dockerconfigjson: ${base64Of(JSON.stringify({ auths: { r: { auth: base64Of(`${person(draw)}:${pw(draw)}`) } } }))}`,
      )(draw),
    'data first': (draw) =>
      `apiVersion: v1\ndata:\n  token: ${base64Of(mixed(draw, 32))}\nkind: Secret\nmetadata:\n  name: ${draw.word()}`,
  }),
  'stringData of a Secret': whole('YAML', DEPLOYMENTS, {
    password: (draw) => secretOf(`stringData:\n  password: ${quoted(draw, pw(draw))}`)(draw),
    'file within': (draw) =>
      secretOf(
        `stringData:\n  ${draw.word()}.properties: |\n    db.user=${person(draw)}\n    db.password=${pw(draw)}`,
      )(draw),
    token: (draw) => secretOf(`stringData:\n  ${draw.pick(['value', 'key', 'api'])}: ${key(draw)}`)(draw),
  }),
  'generated Secret of kustomize': whole('YAML', ['kustomization.yaml', 'overlays/{w}/kustomization.yaml'], {
    literals: (draw) =>
      `resources:\n  - ${draw.word()}.yaml\nsecretGenerator:\n  - name: ${draw.word()}\n    literals:\n      - ${draw.pick(['password', 'api-key', 'DB_PASS'])}=${pw(draw)}`,
  }),
  'values of Helm': whole('YAML', ['charts/{w}/values.yaml', 'helm/values-prod.yaml'], {
    auth: (draw) =>
      `postgresql:\n  auth:\n    username: ${person(draw)}\n    password: ${quoted(draw, pw(draw))}\n    database: ${draw.word()}`,
    admin: (draw) => `grafana:\n  adminUser: admin\n  adminPassword: ${quoted(draw, pw(draw))}`,
    'upper key': (draw) => `env:\n  PORT: 8080\n  ${variable(draw)}: ${quoted(draw, pw(draw))}`,
  }),
  kubeconfig: whole('YAML', ['deploy/kubeconfig.yaml', 'ci/kube.yml'], {
    token: (draw) => `users:\n- name: ${person(draw)}\n  user:\n    token: ${mixed(draw, 48)}`,
    password: (draw) =>
      `users:\n- name: ${person(draw)}\n  user:\n    username: ${person(draw)}\n    password: ${pw(draw)}`,
  }),
  'docker-compose': whole(
    'YAML',
    ['docker-compose.yml', 'compose.{w}.yaml', 'docker/docker-compose.prod.yml'],
    {
      map: (draw) =>
        `services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_USER: ${person(draw)}\n      POSTGRES_PASSWORD: ${quoted(draw, pw(draw))}`,
      list: (draw) =>
        `services:\n  db:\n    image: mysql:8\n    environment:\n      - MYSQL_DATABASE=${draw.word()}\n      - MYSQL_ROOT_PASSWORD=${pw(draw)}`,
      'quoted list': (draw) =>
        `services:\n  ${draw.word()}:\n    environment:\n      - "${variable(draw)}=${pw(draw)}"`,
      command: (draw) =>
        `services:\n  redis:\n    image: redis:7\n    command: redis-server --requirepass ${pw(draw)}`,
      'default of a variable': (draw) =>
        `services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: \${POSTGRES_PASSWORD:-${pw(draw)}}`,
    },
  ),
  'variables of Ansible': whole(
    'YAML',
    ['group_vars/{w}.yml', 'host_vars/{w}.yaml', 'roles/{w}/defaults/main.yml'],
    {
      'connection password': (draw) =>
        `ansible_user: ${person(draw)}\n${draw.pick(['ansible_password', 'ansible_ssh_pass', 'ansible_become_pass', 'ansible_become_password', 'ansible_sudo_pass'])}: ${quoted(draw, pw(draw))}`,
      'role variable': (draw) =>
        `${draw.word()}_port: 5432\n${draw.word()}_${draw.pick(['db_pass', 'admin_password', 'pw'])}: ${quoted(draw, pw(draw))}`,
      'task argument': (draw) =>
        `- name: Make a user\n  postgresql_user:\n    name: ${person(draw)}\n    password: ${quoted(draw, pw(draw))}`,
      'task on one line': (draw) =>
        `- name: ${draw.word()}\n  mysql_user: name=${person(draw)} password=${pw(draw)} priv=*.*:ALL state=present`,
    },
  ),
  'inventory of Ansible': whole('INI', ['inventory/{w}.ini', 'hosts.ini'], {
    'on a host': (draw) =>
      `[${draw.word()}]\n${host(draw)} ansible_user=${person(draw)} ansible_ssh_pass=${pw(draw)}`,
    variables: (draw) =>
      `[all:vars]\nansible_user=${person(draw)}\n${draw.pick(['ansible_password', 'ansible_become_pass'])}=${pw(draw)}`,
  }),
  'state of Terraform': whole('JSON', ['infra/terraform.tfstate.json', 'state/{w}.json'], {
    'random password': (draw) =>
      `{\n  "version": 4,\n  "resources": [\n    {\n      "type": "random_password",\n      "name": "${draw.word()}",\n      "instances": [\n        {\n          "attributes": {\n            "length": 20,\n            "result": ${JSON.stringify(password(draw))},\n            "special": true\n          }\n        }\n      ]\n    }\n  ]\n}`,
    'password of a database': (draw) =>
      `{\n  "version": 4,\n  "resources": [\n    {\n      "type": "aws_db_instance",\n      "instances": [ { "attributes": { "engine": "postgres", "username": "${person(draw)}", "password": "${pw(draw)}" } } ]\n    }\n  ]\n}`,
    'sensitive output': (draw) =>
      `{\n  "version": 4,\n  "outputs": {\n    "${draw.word()}_password": {\n      "value": "${pw(draw)}",\n      "type": "string",\n      "sensitive": true\n    }\n  }\n}`,
  }),
  'resource of Terraform': whole('HCL', ['infra/{w}.tf', 'terraform/rds.tf'], {
    database: (draw) =>
      `resource "aws_db_instance" "${draw.word()}" {\n  engine   = "postgres"\n  username = "${person(draw)}"\n  password = "${pw(draw)}"\n}`,
    'secret version': (draw) =>
      `resource "aws_secretsmanager_secret_version" "${draw.word()}" {\n  secret_id     = aws_secretsmanager_secret.${draw.word()}.id\n  secret_string = "${pw(draw)}"\n}`,
    'administrator of a machine': (draw) =>
      `resource "azurerm_linux_virtual_machine" "${draw.word()}" {\n  admin_username = "${person(draw)}"\n  admin_password = "${pw(draw)}"\n}`,
    parameter: (draw) =>
      `resource "aws_ssm_parameter" "db_password" {\n  type  = "SecureString"\n  value = "${pw(draw)}"\n}`,
  }),
  CloudFormation: whole('YAML', ['cloudformation/{w}.yaml', 'template.yaml', 'serverless.yml'], {
    'default of a parameter': (draw) =>
      `Parameters:\n  ${draw.pick(['DBPassword', 'MasterUserPassword', 'ApiSecret'])}:\n    Type: String\n    NoEcho: true\n    Default: ${quoted(draw, pw(draw))}`,
    property: (draw) =>
      `Resources:\n  ${draw.capital()}:\n    Type: AWS::RDS::DBInstance\n    Properties:\n      MasterUsername: ${person(draw)}\n      MasterUserPassword: ${quoted(draw, pw(draw))}`,
    environment: (draw) =>
      `functions:\n  ${draw.word()}:\n    handler: ${draw.word()}.main\n    environment:\n      ${variable(draw)}: ${quoted(draw, pw(draw))}`,
  }),
  pipeline: whole('YAML', PIPELINES, {
    'env of a job': (draw) =>
      `jobs:\n  ${draw.word()}:\n    runs-on: ubuntu-latest\n    env:\n      ${variable(draw)}: ${quoted(draw, pw(draw))}\n    steps:\n      - run: make`,
    'env of a step': (draw) =>
      `    steps:\n      - name: ${draw.word()}\n        run: make publish\n        env:\n          ${variable(draw)}: ${quoted(draw, pw(draw))}`,
    variables: (draw) =>
      `variables:\n  GIT_DEPTH: "1"\n  ${variable(draw)}: ${quoted(draw, pw(draw))}\n\nbuild:\n  script:\n    - make`,
    'with of an action': (draw) =>
      `      - uses: docker/login-action@v3\n        with:\n          username: ${person(draw)}\n          password: ${quoted(draw, pw(draw))}`,
    'name and value': (draw) =>
      `variables:\n- name: ${draw.pick(['dbPassword', 'apiToken', 'nexus.password'])}\n  value: ${quoted(draw, pw(draw))}`,
    service: (draw) =>
      `services:\n  postgres:\n    image: postgres:16\n    env:\n      POSTGRES_PASSWORD: ${quoted(draw, pw(draw))}`,
  }),
  'cloud-init': whole('YAML', ['cloud-init/{w}.yaml', 'user-data.yml'], {
    chpasswd: (draw) =>
      `#cloud-config\nchpasswd:\n  list: |\n    ${person(draw)}:${pw(draw)}\n  expire: false`,
    'plain text': (draw) =>
      `#cloud-config\nusers:\n  - name: ${person(draw)}\n    plain_text_passwd: ${quoted(draw, pw(draw))}\n    lock_passwd: false`,
  }),
  Prometheus: whole('YAML', ['prometheus/{w}.yml', 'monitoring/alertmanager.yml'], {
    'basic auth': (draw) =>
      `scrape_configs:\n  - job_name: ${draw.word()}\n    basic_auth:\n      username: ${person(draw)}\n      password: ${quoted(draw, pw(draw))}`,
    'mail of alerts': (draw) =>
      `global:\n  smtp_from: ${draw.word()}@${draw.word()}.net\n  smtp_auth_username: ${person(draw)}\n  smtp_auth_password: ${quoted(draw, pw(draw))}`,
    'bearer token': (draw) =>
      `scrape_configs:\n  - job_name: ${draw.word()}\n    bearer_token: ${mixed(draw, 40)}`,
    'pager key': (draw) =>
      `receivers:\n  - name: ${draw.word()}\n    pagerduty_configs:\n      - service_key: ${draw.hex(32)}`,
  }),
  Grafana: whole('INI', ['etc/grafana.ini', 'grafana/{w}.ini'], {
    admin: (draw) => `[security]\nadmin_user = admin\nadmin_password = ${pw(draw)}`,
    'secret key': (draw) => `[security]\nsecret_key = ${mixed(draw, 20)}\n\n[server]\nhttp_port = 3000`,
    oauth: (draw) =>
      `[auth.generic_oauth]\nenabled = true\nclient_id = ${draw.word()}\nclient_secret = ${key(draw)}`,
  }),
  Vagrant: whole('Ruby', ['Vagrantfile'], {
    'ssh password': (draw) =>
      `Vagrant.configure("2") do |config|\n  config.vm.box = "debian/bookworm64"\n  config.ssh.username = "${person(draw)}"\n  config.ssh.password = "${pw(draw)}"\nend`,
    'synced folder': (draw) =>
      `Vagrant.configure("2") do |config|\n  config.vm.synced_folder ".", "/srv", type: "smb", smb_username: "${person(draw)}", smb_password: "${pw(draw)}"\nend`,
  }),
  'Spring settings': whole('YAML', ['src/main/resources/application.yml', 'config/application-prod.yaml'], {
    datasource: (draw) =>
      `spring:\n  datasource:\n    url: jdbc:postgresql://${host(draw)}/${draw.word()}\n    username: ${person(draw)}\n    password: ${quoted(draw, pw(draw))}`,
    'default of a placeholder': (draw) =>
      `spring:\n  redis:\n    host: ${host(draw)}\n    password: \${REDIS_PASSWORD:${pw(draw)}}`,
    client: (draw) =>
      `spring:\n  security:\n    oauth2:\n      client:\n        registration:\n          ${draw.word()}:\n            client-id: ${draw.word()}\n            client-secret: ${key(draw)}`,
    keystore: (draw) =>
      `server:\n  ssl:\n    key-store: classpath:${draw.word()}.p12\n    key-store-password: ${quoted(draw, pw(draw))}`,
  }),
});
