import { defineErrors, type ErrorTable } from 'holdfast/core'

type CliErrorCode =
  | 'HF_CLI_USAGE'
  | 'HF_CLI_NO_DATABASE'
  | 'HF_CLI_NO_REDIS'
  | 'HF_CLI_NO_CDN'
  | 'HF_CLI_CONFIRMATION_REQUIRED'
  | 'HF_CLI_FILE_UNREADABLE'
  | 'HF_CLI_FILE_UNWRITABLE'
  | 'HF_CLI_SERVICE_DIED'
  | 'HF_CLI_INTERRUPTED'
  | 'HF_CLI_NO_FINDING'
  | 'HF_CLI_NO_MIGRATION'
  | 'HF_BUG_UNEXPECTED'

/** Errors of the command line. */
export const cliErrors: ErrorTable<CliErrorCode> = defineErrors<CliErrorCode>({
  HF_CLI_USAGE: {
    summary: 'The command line has an unknown verb, flag or value.',
    hint: 'run `holdfast --help` or `holdfast <verb> --help`',
    retryable: false,
  },
  HF_CLI_NO_DATABASE: {
    summary: 'The verb needs a database, and DATABASE_URL is not set.',
    hint: 'set DATABASE_URL, or run `holdfast services up` for a local one',
    retryable: false,
  },
  HF_CLI_NO_REDIS: {
    summary: 'The verb needs Redis, and REDIS_URL is not set.',
    hint: 'set REDIS_URL, or run `holdfast services up` for a local one',
    retryable: false,
  },
  HF_CLI_NO_CDN: {
    summary: 'The verb is about CDNs, and the environment names none.',
    hint: 'set HOLDFAST_CDN_CLOUDFLARE_ZONE with CLOUDFLARE_API_TOKEN, or those of another CDN: docs/guides/cdn.md names them',
    retryable: false,
  },
  HF_CLI_CONFIRMATION_REQUIRED: {
    summary: 'The verb changes the database, jobs or cached entries and was neither confirmed at a terminal nor by --yes.',
    hint: 'read `holdfast explain <id>`, then repeat the command with --yes',
    retryable: false,
  },
  HF_CLI_FILE_UNREADABLE: {
    summary: 'A file named on the command line cannot be read or is not what the verb expects.',
    hint: 'check the path and the content of the file',
    retryable: false,
  },
  HF_CLI_FILE_UNWRITABLE: {
    summary: 'A result cannot be written to the path asked for.',
    hint: 'choose a folder that exists and may be written',
    retryable: false,
  },
  HF_CLI_SERVICE_DIED: {
    summary: 'A process that the command had started ended before it was ready, or in the middle of the work.',
    hint: 'read its last words in the message; run the command again',
    retryable: true,
  },
  HF_CLI_INTERRUPTED: {
    summary: 'The command was interrupted before its end; everything that it had started was stopped.',
    hint: 'run the command again',
    retryable: true,
  },
  HF_CLI_NO_MIGRATION: {
    summary: 'The finding recommends a change of the code or of a setting, which no migration can make.',
    hint: 'read `holdfast explain <id>`',
    retryable: false,
  },
  HF_CLI_NO_FINDING: {
    summary: 'The demo found nothing to recommend, so its loop could not be shown.',
    hint: 'mend what the message names; if it names nothing, run it again on a machine with less other work',
    retryable: true,
  },
  HF_BUG_UNEXPECTED: {
    summary: 'An error that Holdfast has no code for.',
    hint: 'this is a defect of Holdfast: repeat the command and report what it printed',
    retryable: false,
  },
})
