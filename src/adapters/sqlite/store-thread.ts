import { storeProcedures } from './store-procedures.ts';
import { STORE_MIGRATIONS } from './store-schema.ts';
import { serve } from './thread.ts';

serve(STORE_MIGRATIONS, storeProcedures);
