// Commands of this folder.
#ifndef EDGEWATT_FIELD_FIELD_H
#define EDGEWATT_FIELD_FIELD_H

int profiles_main(int argc, char **argv);    // edgewatt profiles
int new_profile_main(int argc, char **argv); // edgewatt profiles new: a profile out of a register table
int read_main(int argc, char **argv);        // edgewatt read: registers of one device
int write_main(int argc, char **argv);       // edgewatt write
int scan_main(int argc, char **argv);        // edgewatt scan: which addresses of a line answer
int report_main(int argc, char **argv);      // edgewatt report: reportdata.zip
int export_main(int argc, char **argv);      // edgewatt export: the CSV files up to now

#endif
