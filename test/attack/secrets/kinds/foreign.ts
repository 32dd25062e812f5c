/** Secrets named in human languages other than English. */
import { code, scripts, settings } from '../languages/index.ts';
import { assigned, type Kind } from '../model.ts';
import { opaqueKey, password } from '../values.ts';

/** Words for a password, then words for a secret key. */
const LANGUAGES: Readonly<Record<string, { passwords: string[]; keys?: string[] }>> = {
  German: {
    passwords: ['passwort', 'kennwort', 'datenbank passwort', 'benutzer kennwort'],
    keys: ['geheimer schluessel', 'zugangsschluessel', 'zugriffs token'],
  },
  French: {
    passwords: ['mot de passe', 'motdepasse', 'mdp', 'mdp base'],
    keys: ['cle secrete', 'cle api', 'jeton acces'],
  },
  Spanish: {
    passwords: ['contrasena', 'contraseña', 'clave acceso', 'contrasena bd'],
    keys: ['clave secreta', 'clave api'],
  },
  Portuguese: { passwords: ['senha', 'senha banco', 'palavra passe'], keys: ['chave secreta', 'chave api'] },
  Italian: {
    passwords: ['parola segreta', 'parola d ordine', 'parola accesso'],
    keys: ['chiave segreta', 'chiave api'],
  },
  Dutch: { passwords: ['wachtwoord', 'database wachtwoord'], keys: ['geheime sleutel', 'toegangs sleutel'] },
  Polish: { passwords: ['haslo', 'haslo bazy', 'hasło'], keys: ['tajny klucz', 'klucz api'] },
  Russian: { passwords: ['parol', 'parol bd', 'пароль'], keys: ['sekretnyi klyuch', 'секретный ключ'] },
  Turkish: {
    passwords: ['sifre', 'parola', 'veritabani sifresi', 'şifre'],
    keys: ['gizli anahtar', 'api anahtari'],
  },
  Swedish: { passwords: ['losenord', 'lösenord', 'databas losenord'], keys: ['hemlig nyckel'] },
  Czech: { passwords: ['heslo', 'heslo databaze'], keys: ['tajny klic'] },
  Danish: { passwords: ['adgangskode', 'kodeord'], keys: ['hemmelig noegle'] },
  Finnish: { passwords: ['salasana', 'tietokannan salasana'] },
  Hungarian: { passwords: ['jelszo', 'jelszó', 'adatbazis jelszo'], keys: ['titkos kulcs'] },
  Indonesian: { passwords: ['kata sandi', 'sandi basis data'], keys: ['kunci rahasia'] },
  Chinese: { passwords: ['mima', '密码', '数据库密码'], keys: ['密钥', '访问令牌'] },
  Japanese: { passwords: ['パスワード', '暗証番号', 'pasuwado'], keys: ['秘密鍵'] },
  Korean: { passwords: ['비밀번호', '암호', 'bimilbeonho'], keys: ['비밀키'] },
};

/** Some of these do not allow non-ASCII variable names. */
const anyLetters = [
  ...code.filter(({ name }) => name !== 'C'),
  ...settings.filter(({ name }) => name !== 'TOML'),
];
const isAscii = (words: string) => [...words].every((letter) => letter < '\u0080');

export const foreign: Kind[] = Object.entries(LANGUAGES).map(([name, { passwords, keys = [] }]) => ({
  name: `secret named in ${name}`,
  family: 'foreign names',
  cells: [
    ...assigned([...code, ...scripts, ...settings], { names: passwords.filter(isAscii), value: password }),
    ...assigned(anyLetters, { names: passwords, value: password, extents: ['alone'] }),
    ...assigned(anyLetters, {
      names: keys.length ? keys : passwords,
      value: opaqueKey,
      extents: ['alone', 'suffixed'],
    }),
  ],
}));
