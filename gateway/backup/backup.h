// edgewatt backup, edgewatt restore (SYS-08): database.zip, made of the files of a data folder and put back
// whole.
#ifndef EDGEWATT_BACKUP_BACKUP_H
#define EDGEWATT_BACKUP_BACKUP_H

int backup_main(int argc, char **argv);
int restore_main(int argc, char **argv);
// edgewatt backup-job: one of them for the page, started by edgewatt run or its unit.
int backup_job_main(int argc, char **argv);

#endif
