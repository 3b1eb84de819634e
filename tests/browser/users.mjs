// The four predefined users with the codes of the manual (USR-01).
export const USERS = {
  administrator: { pin: '99999', puk: '00000999900000' },
  greenUp: { pin: '88888', puk: '00000888800000' },
  installer: { pin: '55555', puk: '00000555500000' },
  user: { pin: '11111', puk: '00000111100000' },
};
