mod corpus;
mod parity;
