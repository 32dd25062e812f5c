import { Command, Option } from 'commander';
import { doctorReportSchema, type DoctorCheck, type DoctorReport } from '../../../protocol/doctor.ts';
import { forTerminal } from '../../../text/next-step.ts';
import { clearMarks } from '../../../serving/host/gpu-guard.ts';
import { examine } from '../../doctor.ts';
import { print, printJson } from '../../view/output.ts';

export function doctorCommand(): Command {
  return (
    new Command('doctor')
      .description('check this machine: what is installed, what is missing, and the command that gets it')
      .option('--json', 'print the report as JSON')
      // For VS Code's wizards, which only need what is missing.
      .addOption(new Option('--look-only', 'forget nothing').hideHelp())
      .action(async ({ json = false, lookOnly = false }: { json?: boolean; lookOnly?: boolean }) => {
        // The user may have fixed whatever ended a server.
        if (!lookOnly) await clearMarks();
        const report = doctorReportSchema.parse(await examine());
        if (json) printJson(report);
        else print(formatDoctor(report));
      })
  );
}

const marks: Record<DoctorCheck['status'], string> = {
  ok: 'ok',
  note: '-',
  missing: 'MISSING',
  broken: 'BROKEN',
};

/** The report for a terminal: a line for each check, with its command below. */
export function formatDoctor({ checks, summary, version }: DoctorReport): string[] {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const lines = checks.flatMap(({ title, status, text, command }) => [
    `${marks[status].padEnd(8)} ${title.padEnd(width)}  ${text}`,
    ...(command ? [`${' '.repeat(width + 11)}get it: ${command}`] : []),
  ]);
  return [`Forget-Me-Not ${version}`, ...lines, '', summary].map(forTerminal);
}
