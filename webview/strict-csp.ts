/**
 * Must be imported before any module that builds a schema: zod would otherwise try `new Function`, which the panel's
 * content security policy forbids and reports.
 */
import { config } from 'zod';

config({ jitless: true });
