// Field tools: commands for whoever stands in front of the switchboard.
#ifndef EDGEWATT_FIELD_FIELD_H
#define EDGEWATT_FIELD_FIELD_H

int profiles_main(int argc, char **argv);    // edgewatt profiles
int new_profile_main(int argc, char **argv); // edgewatt profiles new: a profile out of a register table

#endif
