/** Formats of tokens as their providers publish them (their documentation, or that of GitHub's secret scanning). */
import { ALPHANUMERIC, BASE32, DIGITS, HEX, LOWER, UPPER, type Draw } from '../draw.ts';
import { mixed } from '../values.ts';

export interface Provider {
  name: string;
  token(draw: Draw): string;
  /** Words of its usual names. */
  names: readonly string[];
  /** The token is recognisable by itself. Otherwise it has one of its names. */
  evident: boolean;
}

type Make = (draw: Draw) => string;
const URLSAFE = `${ALPHANUMERIC}_-`;

/** A prefix and this many characters. */
const after =
  (prefix: string, length: number, alphabet = ALPHANUMERIC): Make =>
  (draw) =>
    prefix + mixed(draw, length, alphabet);
const oneOf =
  (...makes: Make[]): Make =>
  (draw) =>
    draw.pick(makes)(draw);
const lowerDigits = LOWER + DIGITS;
const upperDigits = UPPER + DIGITS;

const evident = (name: string, token: Make, ...names: string[]): Provider => ({
  name,
  token,
  names,
  evident: true,
});
const named = (name: string, token: Make, ...names: string[]): Provider => ({
  name,
  token,
  names,
  evident: false,
});

export const providers: readonly Provider[] = [
  evident(
    'GitHub',
    oneOf(after('gh' + 'p_', 36), after('gh' + 'o_', 36), after('gh' + 's_', 36), after('gh' + 'u_', 36)),
    'github token',
    'gh token',
  ),
  evident(
    'GitHub, fine-grained',
    (draw) => `${'github' + '_pat_'}${mixed(draw, 22)}_${mixed(draw, 59)}`,
    'github pat',
  ),
  evident(
    'GitLab',
    oneOf(
      after('gl' + 'pat-', 20, URLSAFE),
      after('gl' + 'rt-', 20, URLSAFE),
      after('gl' + 'dt-', 20, URLSAFE),
      after('gl' + 'ptt-', 40, HEX),
    ),
    'gitlab token',
    'ci deploy token',
  ),
  evident(
    'Slack',
    oneOf(
      (draw) => `${'xo' + 'xb-'}${draw.digits(12)}-${draw.digits(13)}-${mixed(draw, 24)}`,
      (draw) => `${'xo' + 'xp-'}${draw.digits(12)}-${draw.digits(12)}-${draw.digits(13)}-${draw.hex(32)}`,
      (draw) => `${'xa' + 'pp-1-A'}${mixed(draw, 10, upperDigits)}-${draw.digits(13)}-${draw.hex(64)}`,
    ),
    'slack token',
    'slack bot token',
  ),
  evident(
    'Slack webhook',
    (draw) =>
      `https://hooks.${'slack'}.com/services/T${mixed(draw, 8, upperDigits)}/B${mixed(draw, 10, upperDigits)}/${mixed(draw, 24)}`,
    'slack webhook',
    'alert url',
  ),
  evident(
    'Stripe',
    oneOf(after('sk' + '_live_', 24), after('rk' + '_live_', 24), after('sk' + '_live_51', 97)),
    'stripe key',
    'stripe secret key',
  ),
  evident('Stripe webhook', after('wh' + 'sec_', 32), 'stripe webhook', 'endpoint secret'),
  evident(
    'OpenAI',
    oneOf(
      (draw) => `${'s' + 'k-'}${mixed(draw, 20)}${'T3Blbk' + 'FJ'}${mixed(draw, 20)}`,
      (draw) => `${'s' + 'k-proj-'}${mixed(draw, 74, URLSAFE)}${'T3Blbk' + 'FJ'}${mixed(draw, 74, URLSAFE)}`,
    ),
    'openai api key',
    'openai key',
  ),
  evident(
    'Anthropic',
    (draw) => `${'sk-' + 'ant-api03-'}${mixed(draw, 93, URLSAFE)}AA`,
    'anthropic api key',
    'claude key',
  ),
  evident('OpenRouter', after('sk-' + 'or-v1-', 64, HEX), 'openrouter key', 'llm key'),
  evident('Groq', after('gs' + 'k_', 52), 'groq api key'),
  evident('xAI', after('xa' + 'i-', 80), 'xai api key'),
  evident('Perplexity', after('pp' + 'lx-', 48), 'perplexity key'),
  evident('Replicate', after('r' + '8_', 37), 'replicate api token'),
  evident('Hugging Face', after('h' + 'f_', 34, UPPER + LOWER + DIGITS), 'hf token', 'hugging face token'),
  evident('Docker', after('dck' + 'r_pat_', 27, URLSAFE), 'docker token', 'hub pat'),
  evident(
    'Atlassian',
    (draw) => `${'ATAT' + 'T3x'}FfGF0${mixed(draw, 171, URLSAFE)}=${draw.hex(8).toUpperCase()}`,
    'jira token',
    'atlassian api token',
  ),
  evident('Bitbucket', after('AT' + 'BB', 32), 'bitbucket app password'),
  named('Mailgun', (draw) => `${'ke' + 'y-'}${draw.hex(32)}`, 'mailgun api key', 'mailgun key'),
  evident(
    'Mailchimp',
    (draw) => `${draw.hex(32)}-us${draw.between(1, 21)}`,
    'mailchimp api key',
    'mailchimp key',
  ),
  evident(
    'SendGrid',
    (draw) => `${'S' + 'G.'}${mixed(draw, 22, URLSAFE)}.${mixed(draw, 43, URLSAFE)}`,
    'sendgrid api key',
    'mail key',
  ),
  evident('Brevo', (draw) => `${'xkeys' + 'ib-'}${draw.hex(64)}-${mixed(draw, 16)}`, 'brevo key'),
  named('Postmark', (draw) => draw.uuid(), 'postmark server token', 'postmark api token'),
  evident(
    'Square',
    oneOf(
      (draw) => `${'sq0' + 'csp-'}${mixed(draw, 43, URLSAFE)}`,
      after('sq0' + 'atp-', 22, URLSAFE),
      (draw) => `${'EA' + 'AA'}E${mixed(draw, 59, URLSAFE)}`,
    ),
    'square access token',
    'square secret',
  ),
  evident(
    'Google OAuth',
    (draw) => `${'ya' + '29.'}a0A${mixed(draw, 160, URLSAFE)}`,
    'google access token',
    'oauth token',
  ),
  evident('Google client', after('GOC' + 'SPX-', 28, URLSAFE), 'google client secret'),
  evident('Google API', after('AI' + 'zaSy', 33, URLSAFE), 'google api key', 'maps key'),
  evident(
    'Firebase messaging',
    (draw) => `AAAA${mixed(draw, 7, URLSAFE)}:${'APA91' + 'b'}${mixed(draw, 134, URLSAFE)}`,
    'fcm server key',
    'fcm key',
  ),
  evident(
    'AWS key id',
    oneOf(
      (draw) => `${'AK' + 'IA'}${mixed(draw, 16, BASE32)}`,
      (draw) => `${'AS' + 'IA'}${mixed(draw, 16, BASE32)}`,
    ),
    'aws access key id',
    'aws key',
  ),
  named('AWS secret', (draw) => draw.base64(30), 'aws secret access key', 'aws secret key'),
  evident(
    'Azure client',
    (draw) => `${mixed(draw, 3)}8${'Q~'}${mixed(draw, 34, `${URLSAFE}.~`)}`,
    'azure client secret',
    'arm client secret',
  ),
  named(
    'Azure subscription',
    (draw) => draw.hex(32),
    'ocp apim subscription key',
    'azure openai api key',
    'cognitive services key',
  ),
  named('Azure DevOps', after('', 52, lowerDigits), 'azure devops pat', 'ado token'),
  evident(
    'DigitalOcean',
    oneOf(after('do' + 'p_v1_', 64, HEX), after('do' + 'o_v1_', 64, HEX)),
    'digitalocean token',
    'do token',
  ),
  evident('Heroku', after('HRKU-' + 'AA', 58, URLSAFE), 'heroku api key'),
  named('Heroku, old', (draw) => draw.uuid(), 'heroku api key', 'heroku auth token'),
  evident('npm', after('np' + 'm_', 36), 'npm token', 'node auth token'),
  evident(
    'PyPI',
    (draw) => `${'pyp' + 'i-'}AgEIcHlwaS5vcmc${mixed(draw, 150, URLSAFE)}`,
    'pypi token',
    'twine password',
  ),
  evident('RubyGems', after('ruby' + 'gems_', 48, HEX), 'gem host api key'),
  named('crates.io', after('c' + 'io', 32), 'cargo registry token'),
  named('NuGet', after('oy' + '2', 43, lowerDigits), 'nuget api key'),
  named('Twilio', after('S' + 'K', 32, HEX), 'twilio api key'),
  named('Twilio auth', (draw) => draw.hex(32), 'twilio auth token'),
  evident(
    'Telegram',
    (draw) => `${draw.digits(10)}:AA${mixed(draw, 33, URLSAFE)}`,
    'telegram bot token',
    'bot token',
  ),
  evident(
    'Discord',
    (draw) =>
      `${Buffer.from(draw.digits(18)).toString('base64url')}.${'G'}${mixed(draw, 5, URLSAFE)}.${mixed(draw, 38, URLSAFE)}`,
    'discord token',
  ),
  evident(
    'Discord webhook',
    (draw) => `https://discord.com/api/webhooks/${draw.digits(19)}/${mixed(draw, 68, URLSAFE)}`,
    'discord webhook',
    'notify url',
  ),
  evident(
    'Shopify',
    oneOf(after('shp' + 'at_', 32, HEX), after('shp' + 'ss_', 32, HEX), after('shp' + 'ca_', 32, HEX)),
    'shopify access token',
  ),
  evident('Databricks', after('da' + 'pi', 32, HEX), 'databricks token'),
  evident(
    'Grafana',
    oneOf(
      (draw) => `${'gl' + 'sa_'}${mixed(draw, 32)}_${draw.hex(8)}`,
      (draw) => `${'gl' + 'c_eyJ'}${mixed(draw, 80)}=`,
    ),
    'grafana token',
    'grafana api key',
  ),
  evident('Linear', after('lin' + '_api_', 40), 'linear api key'),
  evident('Notion', oneOf(after('secret' + '_', 43), after('nt' + 'n_', 46)), 'notion token', 'notion key'),
  named('Okta', (draw) => `00${mixed(draw, 40, URLSAFE)}`, 'okta api token', 'okta token'),
  evident(
    'Sentry',
    oneOf(
      (draw) => `${'sntr' + 'ys_eyJ'}${mixed(draw, 120)}=_${mixed(draw, 43)}`,
      after('sntr' + 'yu_', 64, HEX),
    ),
    'sentry auth token',
  ),
  evident('Vault', oneOf(after('hv' + 's.', 95, URLSAFE), after('hv' + 'b.', 140, URLSAFE)), 'vault token'),
  evident(
    'Terraform Cloud',
    (draw) => `${mixed(draw, 14)}.${'atlas' + 'v1.'}${mixed(draw, 67, URLSAFE)}`,
    'tfe token',
  ),
  evident('Pulumi', after('pu' + 'l-', 40, HEX), 'pulumi access token'),
  named('Cloudflare', after('', 40, URLSAFE), 'cloudflare api token', 'cf api token'),
  named('Cloudflare, global', after('', 37, HEX), 'cloudflare api key', 'cf global api key'),
  named('Cloudflare CA', (draw) => `v1.0-${draw.hex(24)}-${draw.hex(146)}`, 'cloudflare origin ca key'),
  evident('Fastly', after('fastly' + '-', 32, URLSAFE), 'fastly api token'),
  named('Datadog', (draw) => draw.hex(32), 'datadog api key', 'dd api key'),
  evident(
    'New Relic',
    oneOf(after('NR' + 'AK-', 27, upperDigits), (draw) => `${draw.hex(36)}FFFF${'NR' + 'AL'}`),
    'new relic key',
    'new relic license key',
  ),
  named('Algolia', (draw) => draw.hex(32), 'algolia admin key', 'algolia admin api key'),
  evident('Airtable', (draw) => `${'pa' + 't'}${mixed(draw, 14)}.${draw.hex(64)}`, 'airtable token'),
  named('Asana', (draw) => `1/${draw.digits(16)}:${draw.hex(32)}`, 'asana token', 'asana pat'),
  evident('HubSpot', (draw) => `${'pa' + 't-na1-'}${draw.uuid()}`, 'hubspot token'),
  evident('Dropbox', (draw) => `${'s' + 'l.'}${mixed(draw, 140, URLSAFE)}`, 'dropbox access token'),
  evident('Doppler', after('dp' + '.pt.', 43), 'doppler token'),
  evident('Figma', (draw) => `${'fig' + 'd_'}${mixed(draw, 43, URLSAFE)}`, 'figma token'),
  evident('PlanetScale', after('pscale' + '_pw_', 43, URLSAFE), 'planetscale password'),
  evident('Supabase', after('sb' + 'p_', 40, HEX), 'supabase access token'),
  evident('Netlify', after('nf' + 'p_', 36), 'netlify auth token'),
  evident('Postman', (draw) => `${'PMA' + 'K-'}${draw.hex(24)}-${draw.hex(34)}`, 'postman api key'),
  evident(
    'Tailscale',
    (draw) => `${'ts' + 'key-auth-'}${mixed(draw, 12)}CNTRL-${mixed(draw, 32)}`,
    'tailscale auth key',
  ),
  evident('1Password', (draw) => `${'ops' + '_eyJ'}${mixed(draw, 250)}`, 'op service account token'),
  evident('Flutterwave', (draw) => `${'FLWSECK' + '-'}${draw.hex(32)}-X`, 'flutterwave secret key'),
  evident('EasyPost', after('EZ' + 'AK', 54), 'easypost api key'),
  evident(
    'Facebook',
    (draw) => `${'EA' + 'AC'}EdEose0cBA${mixed(draw, 120)}`,
    'facebook access token',
    'page access token',
  ),
  named(
    'Twitter',
    (draw) => `${'A'.repeat(22)}${mixed(draw, 30)}%3D${mixed(draw, 45)}`,
    'twitter bearer token',
  ),
  evident(
    'PayPal',
    (draw) => `${'access_token' + '$production$'}${mixed(draw, 16, lowerDigits)}$${draw.hex(32)}`,
    'braintree access token',
  ),
  named('Razorpay', after('', 24), 'razorpay key secret'),
  named('Alibaba Cloud', after('LT' + 'AI', 20), 'alibaba access key id', 'oss access key'),
  evident('Yandex Cloud', after('AQ' + 'VN', 36, URLSAFE), 'yandex api key'),
  evident('Artifactory', after('AK' + 'Cp', 69), 'artifactory api key'),
  evident('Sonar', oneOf(after('sq' + 'u_', 40, HEX), after('sq' + 'p_', 40, HEX)), 'sonar token'),
  evident('Buildkite', after('bk' + 'ua_', 40, HEX), 'buildkite token'),
  evident('CircleCI', (draw) => `${'CCI' + 'PAT_'}${mixed(draw, 22)}_${draw.hex(40)}`, 'circle token'),
  named(
    'LaunchDarkly',
    oneOf(
      (draw) => `${'sd' + 'k-'}${draw.uuid()}`,
      (draw) => `${'ap' + 'i-'}${draw.uuid()}`,
    ),
    'launchdarkly sdk key',
  ),
  evident('PostHog', after('ph' + 'x_', 43), 'posthog personal api key'),
  evident('Contentful', after('CFP' + 'AT-', 43, URLSAFE), 'contentful token'),
  evident('Typeform', after('tf' + 'p_', 59, URLSAFE), 'typeform token'),
  evident(
    'Mapbox',
    (draw) => `${'s' + 'k.eyJ'}1Ijoi${mixed(draw, 60)}.${mixed(draw, 22, URLSAFE)}`,
    'mapbox secret token',
  ),
];
